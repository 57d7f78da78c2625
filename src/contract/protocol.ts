/**
 * Version of what clients and server say to each other over the socket. Raised when an old client
 * could misread a new server; the handshake refuses the mismatch and the client reloads itself.
 */
export const PROTOCOL_VERSION = 1
