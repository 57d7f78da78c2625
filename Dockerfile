# syntax=docker/dockerfile:1
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY . .
RUN npm run build
# What only the build needs goes: the kits of the web client are in dist/web, and this image is the runtime.
RUN npm pkg delete optionalDependencies devDependencies \
      dependencies.@vitejs/plugin-vue dependencies.element-plus dependencies.pinia dependencies.uqr dependencies.vant \
      dependencies.vite dependencies.vue dependencies.vue-router \
 && npm prune --omit=dev \
 && rm -rf src/web

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production DATA_DIR=/data PORT=3000
WORKDIR /app
RUN install -d -o node -g node -m 700 /data
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/drizzle ./drizzle
COPY --from=build /app/scripts ./scripts
COPY --from=build /app/src ./src
COPY --from=build /app/dist ./dist
USER node
# secrets.json, and without DATABASE_URL the database itself.
VOLUME /data
EXPOSE 3000
# The first start of a demo county takes a while.
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s \
  CMD ["node", "-e", "fetch(`${process.env.TLS_CERT ? 'https' : 'http'}://localhost:${process.env.PORT}/healthz`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
CMD ["node", "--min-semi-space-size=64", "--max-semi-space-size=64", "src/server/main.ts"]
