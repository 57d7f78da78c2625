export { command, createRealtime, isCongested, type Realtime, type RealtimeSocket, type SocketData } from './realtime.ts'
