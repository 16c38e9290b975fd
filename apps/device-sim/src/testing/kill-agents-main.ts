import { parseArgs } from "node:util";
import { killAgentsAtRandom } from "./kill-agents.ts";

// `node apps/device-sim/src/testing/kill-agents-main.ts --kills 300 --seed 1`: tells what happens on stderr, the counts as one JSON line on stdout.

const { values } = parseArgs({ options: { kills: { type: "string", default: "30" }, seed: { type: "string", default: "1" } } });
const counts = await killAgentsAtRandom({ kills: Number(values.kills), seed: Number(values.seed), log: (sentence) => void process.stderr.write(`${sentence}\n`) });
process.stdout.write(`${JSON.stringify({ msg: "done", ...counts })}\n`);
process.exit(counts.torn + counts.bricked + counts.lost > 0 ? 1 : 0);
