export { registerMobilizationRoutes } from './mobilization.routes.ts'
export { createMobilization, type Mobilization } from './mobilization.service.ts'
