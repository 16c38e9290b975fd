import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Refusal } from "./refusal.ts";

export type LauncherOptions = {
  /** Undefined = the default port, or the next free one. */
  port: number | undefined;
  gatewayPort: number | undefined;
  host: string;
  dataDir: string;
  /** Simulated devices; 0 = none. */
  devices: number;
  /** Pages that reload, programs that restart when their source changes. */
  isDev: boolean;
};

export const DEFAULT_PORT = 3000;
export const DEFAULT_GATEWAY_PORT = 3001;
const DEFAULT_DEVICES = 24;
const MAX_DEVICES = 5_000;

export const USAGE = `npm start -- [options]

  --port N           port of the web app (default ${DEFAULT_PORT}, or the next free one)
  --gateway-port N   port devices speak to (default ${DEFAULT_GATEWAY_PORT}, or the next free one)
  --host ADDRESS     address to listen on (default 127.0.0.1; 0.0.0.0 = every network)
  --data-dir DIR     where everything is kept (default .flotilla)
  --devices N        simulated devices (default ${DEFAULT_DEVICES})
  --no-demo          no simulated devices

DATABASE_URL replaces the embedded PostgreSQL, ARTIFACT_STORE the folder for models.`;

/** Reads the command line. Throws Refusal with the usage when it is wrong. */
export function parseOptions(args: readonly string[], folder: string): LauncherOptions | "help" {
  const { values } = parse(args);
  if (values.help) return "help";
  return {
    port: portOf("--port", values.port),
    gatewayPort: portOf("--gateway-port", values["gateway-port"]),
    host: values.host ?? "127.0.0.1",
    dataDir: resolve(folder, values["data-dir"] ?? ".flotilla"),
    devices: values["no-demo"] ? 0 : (numberOf("--devices", values.devices, 0, MAX_DEVICES) ?? DEFAULT_DEVICES),
    isDev: values.dev ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: "string" },
        "gateway-port": { type: "string" },
        host: { type: "string" },
        "data-dir": { type: "string" },
        devices: { type: "string" },
        "no-demo": { type: "boolean" },
        dev: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new Refusal(`${(error as Error).message}\n\n${USAGE}`);
  }
}

const portOf = (name: string, text: string | undefined): number | undefined => numberOf(name, text, 1, 65_535);

function numberOf(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) throw new Refusal(`${name} must be a whole number from ${min} to ${max}, not "${text}".`);
  return value;
}
