import { defineConfig } from "prisma/config";

// Only `prisma generate` and `prisma validate` read this file; migrations go through packages/db (docs/adr).
export default defineConfig({
  schema: "prisma/schema.prisma",
  migrations: { path: "prisma/migrations" },
});
