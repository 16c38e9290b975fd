import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { pino } from "pino";
import { startAgent } from "../agent/agent.ts";
import { systemClock } from "../agent/clock.ts";
import { createDisk } from "../agent/disk.ts";
import { createNet } from "../agent/net.ts";
import { systemRandom } from "../agent/random.ts";
import { endCleanly } from "../lifecycle.ts";
import { CREW_SETTINGS, crewName } from "./agent-crew.ts";
import { inProcessModels } from "./in-process-models.ts";

// Several real agents in one process, each with its own data folder and connections: one kill -9 of this process hits each of them at
// another point of its install. Only the models are nearer than on a device (see in-process-models.ts).

const { values } = parseArgs({ options: { server: { type: "string" }, dir: { type: "string" }, agents: { type: "string" } } });
const dir = values.dir ?? "";
const log = pino({ level: "warn", base: { process: "agent-crew" } });
const models = inProcessModels();
const agents = await Promise.all(
  Array.from({ length: Number(values.agents) }, (_, i) => {
    const dataDir = join(dir, crewName(i));
    mkdirSync(dataDir, { recursive: true });
    const ports = { clock: systemClock, random: systemRandom, disk: createDisk(dataDir), net: createNet(values.server ?? ""), log, models };
    return startAgent(ports, { ...CREW_SETTINGS, server: values.server ?? "", name: `${values.dir?.split("/").at(-1)}-${crewName(i)}` });
  }),
);
endCleanly({ log, parentPid: Number(process.env.FLOTILLA_PARENT_PID) || undefined, stop: async () => void (await Promise.all(agents.map((agent) => agent.stop()))) });
process.stdout.write(`${JSON.stringify({ msg: "ready", agents: agents.length })}\n`);
