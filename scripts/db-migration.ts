import { relative } from "node:path";
import { writeMigration } from "@flotilla/db/setup";

// Writes the migration from the schema beside the newest one to the present prisma/schema.prisma.
const name = process.argv[2];
if (!name) {
  console.error("A name is missing: npm run db:migration -- add_something");
  process.exit(1);
}
try {
  const result = await writeMigration(name);
  if (result.kind === "nothing_changed") console.log("The schema has not changed since the newest migration.");
  else console.log(`Wrote ${relative(process.cwd(), result.dir)}. Read it, then: npm run db:migrate`);
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
