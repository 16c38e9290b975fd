# One image for every process; docker-compose.yml chooses which one runs. Everything comes from the npm registry and Debian.
FROM node:24-bookworm-slim AS manifests
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/db/package.json packages/db/
COPY packages/fleet/package.json packages/fleet/
COPY packages/protocol/package.json packages/protocol/
COPY packages/runtime/package.json packages/runtime/
COPY packages/datasets/package.json packages/datasets/
COPY packages/optimizer/package.json packages/optimizer/
COPY packages/trainer/package.json packages/trainer/
COPY apps/device-sim/package.json apps/device-sim/
COPY apps/gateway/package.json apps/gateway/
COPY apps/web/package.json apps/web/
COPY apps/worker/package.json apps/worker/

FROM manifests AS build
ENV NEXT_TELEMETRY_DISABLED=1
RUN npm ci --ignore-scripts
COPY . .
RUN PRISMA_SCHEMA_ENGINE_BINARY=/bin/false npx prisma generate && npx next build apps/web && rm -rf apps/web/.next/cache

FROM manifests AS dependencies
RUN npm ci --ignore-scripts --omit=dev

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1
COPY --from=dependencies --chown=node:node /app /app
COPY --chown=node:node . .
COPY --from=build --chown=node:node /app/packages/db/src/generated packages/db/src/generated
COPY --from=build --chown=node:node /app/apps/web/.next apps/web/.next
RUN install -d -o node -g node /data /data/devices /work
USER node
