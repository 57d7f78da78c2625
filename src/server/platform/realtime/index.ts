export { command, createRealtime, isCongested, type Realtime, type RealtimeOptions, type RealtimeSocket, type SocketData } from './realtime.ts'
