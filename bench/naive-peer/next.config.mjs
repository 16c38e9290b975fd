import { join } from "node:path";

export default {
  agentRules: false,
  turbopack: { root: join(import.meta.dirname, "../..") },
  transpilePackages: ["@flotilla/protocol"],
  serverExternalPackages: ["@flotilla/db", "@prisma/adapter-pg", "@prisma/client", "pg", "pg-boss"],
};
