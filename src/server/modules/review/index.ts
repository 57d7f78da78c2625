export { registerReviewRoutes } from './review.routes.ts'
export { createReviews, type Reviews } from './review.service.ts'
