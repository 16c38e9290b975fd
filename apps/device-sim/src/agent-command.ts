import { arch, hostname, platform } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { FleetError, deviceNameSchema, labelKeySchema, labelValueSchema, labelsSchema, type DeviceClass } from "@flotilla/protocol";
import { pino, type Logger } from "pino";
import { z } from "zod";
import { AGENT_DEFAULTS, startAgent, type Agent, type AgentSettings } from "./agent/agent.ts";
import { systemClock } from "./agent/clock.ts";
import { createDisk } from "./agent/disk.ts";
import { createLocalModels } from "./agent/local-models.ts";
import type { InputSpec, ModelPort } from "./agent/model.ts";
import { createNet } from "./agent/net.ts";
import { systemRandom } from "./agent/random.ts";
import { lockDataFolder } from "./data-folder-lock.ts";
import { readEnv } from "./env.ts";
import { endCleanly } from "./lifecycle.ts";
import { UsageError } from "./usage-error.ts";

export const AGENT_USAGE = `agent: runs this machine as a device of a Flotilla installation

  --server URL        where devices reach the platform (required)
  --token TOKEN       enrolment token; needed until the device is enrolled
  --data-dir DIR      keys, models and telemetry of this device (default .flotilla-agent)
  --name NAME         unique in the installation (default: the host name)
  --class NAME        device class that people group by (default: ${platform()}-${arch()})
  --label KEY=VALUE   may be given several times
  --infer-port N      answer POST /infer and GET /status on 127.0.0.1:N (0: a free port)
  --input SOURCE      synthetic (default), or folder:DIR with .npy or raw .bin files
  --interval-ms N     distance of the device's own inferences (default ${AGENT_DEFAULTS.inferenceIntervalMs}; 0: none)
  --window-ms N       length of a latency window (default ${AGENT_DEFAULTS.windowMs})
  --once              sync, bring the target about, report, and end: exit code 1 when the install failed`;

const OPTIONS = {
  server: { type: "string" }, token: { type: "string" }, "data-dir": { type: "string" }, name: { type: "string" }, class: { type: "string" },
  label: { type: "string", multiple: true }, "infer-port": { type: "string" }, input: { type: "string" }, "interval-ms": { type: "string" },
  "window-ms": { type: "string" }, once: { type: "boolean" },
} as const;

const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

const flagsSchema = z.object({
  server: z.url({ protocol: /^https?$/, error: "give the server's address as http://… or https://…" }),
  token: z.string().min(1).optional(),
  "data-dir": z.string().min(1).default(".flotilla-agent"),
  name: deviceNameSchema.default(() => nameFrom(hostname())),
  class: labelValueSchema.min(1).default(`${platform()}-${arch()}`),
  label: z.array(z.string()).default([]).transform((pairs, context) => {
    const labels: [string, string][] = [];
    for (const pair of pairs) {
      const at = pair.indexOf("=");
      const key = labelKeySchema.safeParse(pair.slice(0, Math.max(at, 0)));
      const value = labelValueSchema.safeParse(pair.slice(at + 1));
      if (at < 1 || !key.success || !value.success) context.addIssue({ code: "custom", message: `"${pair}" is not KEY=VALUE with letters, digits, '.', '_' or '-'` });
      else labels.push([key.data, value.data]);
    }
    return Object.fromEntries(labels);
  }).pipe(labelsSchema),
  "infer-port": whole(0, 65_535).optional(),
  input: z.string().default("synthetic").transform((text, context): InputSpec => {
    if (text === "synthetic") return { kind: "synthetic", seed: 1 };
    if (text.startsWith("folder:") && text.length > "folder:".length) return { kind: "folder", dir: resolve(text.slice("folder:".length)) };
    context.addIssue({ code: "custom", message: `"${text}" is neither synthetic nor folder:DIR` });
    return z.NEVER;
  }),
  "interval-ms": whole(0, 86_400_000).default(AGENT_DEFAULTS.inferenceIntervalMs),
  "window-ms": whole(1_000, 3_600_000).default(AGENT_DEFAULTS.windowMs),
  once: z.boolean().default(false),
});
export type AgentFlags = z.infer<typeof flagsSchema>;

/** The flags of `agent`. Throws `UsageError` that names all problems. */
export function parseAgentFlags(args: readonly string[]): AgentFlags {
  let values: unknown;
  try {
    ({ values } = parseArgs({ args: [...args], options: OPTIONS }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), AGENT_USAGE);
  }
  const parsed = flagsSchema.safeParse(values);
  if (!parsed.success) throw new UsageError(z.prettifyError(parsed.error), AGENT_USAGE);
  return parsed.data;
}

function nameFrom(host: string): string {
  const name = host.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 63);
  return name === "" ? "device" : name;
}

/** Runs the agent until it is stopped. Rejects with a sentence for people when it cannot start. */
export async function runAgentCommand(args: readonly string[]): Promise<void> {
  const flags = parseAgentFlags(args);
  const env = readEnv();
  const log = pino({ level: env.LOG_LEVEL, base: { process: "agent" } });
  const lock = await lockDataFolder(flags["data-dir"]);
  const models = createLocalModels();
  let agent: Agent | null = null;
  const stop = async (): Promise<void> => {
    await agent?.stop();
    await models.close();
    await lock.release();
  };
  endCleanly({ log, parentPid: env.FLOTILLA_PARENT_PID, stop });
  const settings = await settingsOf(flags, models);
  agent = await startAgent({ clock: systemClock, random: systemRandom, disk: createDisk(resolve(flags["data-dir"])), net: createNet(flags.server), models, log }, settings);
  await enrolledOrEnd(agent, stop);
  log.info({ url: agent.inferUrl ?? flags.server, inferUrl: agent.inferUrl, deviceId: agent.status().deviceId, name: flags.name, class: settings.deviceClass.name }, "ready");
  if (flags.once) return await once(agent, log, stop);
  await agent.done;
}

async function enrolledOrEnd(agent: Agent, stop: () => Promise<void>): Promise<void> {
  try {
    await agent.enrolled;
  } catch (error) {
    await stop();
    throw error instanceof FleetError ? new Error(`the device cannot enrol: ${error.public} (${error.code})`, { cause: error }) : error;
  }
}

async function once(agent: Agent, log: Logger, stop: () => Promise<void>): Promise<void> {
  await agent.settled(new AbortController().signal);
  const { deployment, targetVersion } = agent.state().target === null ? { deployment: null, targetVersion: 0 } : agent.status();
  log.info({ targetVersion, phase: deployment?.phase ?? null, failure: deployment?.failure ?? null }, "done");
  await stop();
  process.exit(deployment?.phase === "failed" ? 1 : 0);
}

async function settingsOf(flags: AgentFlags, models: ModelPort): Promise<AgentSettings> {
  const facts = await models.facts();
  const deviceClass: DeviceClass = {
    name: flags.class,
    arch: facts.arch,
    isa: [...facts.isa],
    runtime: { name: "onnxruntime-node", version: facts.ortVersion },
    executionProvider: "cpu",
    memoryBytes: facts.memoryBytes,
    simulated: false,
  };
  return {
    ...AGENT_DEFAULTS,
    server: flags.server,
    name: flags.name,
    labels: flags.label,
    deviceClass,
    enrollmentToken: flags.token ?? null,
    input: flags.input,
    inferenceIntervalMs: flags["interval-ms"],
    inferPort: flags["infer-port"] ?? null,
    windowMs: flags["window-ms"],
    resources: null,
  };
}
