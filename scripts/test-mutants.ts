import { join } from "node:path";
import { parseArgs } from "node:util";
import { runMutants } from "../tests/faults/run-mutants.ts";

// `npm run test:mutants`: makes known mistakes, one at a time, in a copy of the tree; each must be caught by its test. `-- --only words,…`
// takes only mutants whose names hold one of the words.

const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });
const { passed, failed } = await runMutants(join(import.meta.dirname, ".."), values.only.split(",").filter((word) => word !== ""));
console.log(`\n${passed} of ${passed + failed} mutants caught.`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
