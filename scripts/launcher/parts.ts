import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { saidReady, type ChildSpec } from "./child.ts";
import type { DataFolder, Secrets } from "./data-folder.ts";
import type { LauncherOptions } from "./options.ts";

/** All that the parts must know of each other. */
export type Setting = {
  root: string;
  folder: DataFolder;
  secrets: Secrets;
  databaseUrl: string;
  artifactStore: string;
  options: LauncherOptions;
  port: number;
  gatewayPort: number;
  say: (sentence: string) => void;
};

/** Demo devices speak often, so that something moves on the screen. */
const DEMO_SYNC_INTERVAL_MS = 4_000;

/** Where a browser on this machine finds the web app. */
export function webUrl(setting: Pick<Setting, "options" | "port">): string {
  return `http://${reachable(setting.options.host)}:${setting.port}`;
}

/** What a program on this machine calls the gateway. */
export function gatewayUrl(setting: Pick<Setting, "options" | "gatewayPort">): string {
  return `http://${reachable(setting.options.host)}:${setting.gatewayPort}`;
}

/** What a device elsewhere calls the gateway: the first address of this machine when it listens on all of them. */
export function publicGatewayUrl(setting: Pick<Setting, "options" | "gatewayPort">): string {
  return isEveryAddress(setting.options.host) ? `http://${firstAddress() ?? "127.0.0.1"}:${setting.gatewayPort}` : gatewayUrl(setting);
}

const isEveryAddress = (host: string): boolean => host === "0.0.0.0" || host === "::";

function reachable(host: string): string {
  if (isEveryAddress(host)) return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function firstAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return addresses.find((found) => found.family === "IPv4" && !found.internal)?.address;
}

export function gatewayPart(setting: Setting): ChildSpec {
  const { options, secrets } = setting;
  return part(setting, "gateway", programArgs(setting, "apps/gateway/src/main.ts"), saidReady, {
    PORT: String(setting.gatewayPort),
    HOST: options.host,
    DATABASE_URL: setting.databaseUrl,
    ARTIFACT_STORE: setting.artifactStore,
    UPLOAD_TICKET_SECRET: secrets.uploadTicketSecret,
    DEVICE_TOKEN_SECRET: secrets.deviceTokenSecret,
    SYNC_INTERVAL_MS: String(DEMO_SYNC_INTERVAL_MS),
  });
}

export function workerPart(setting: Setting): ChildSpec {
  return part(setting, "worker", programArgs(setting, "apps/worker/src/main.ts"), saidReady, {
    DATABASE_URL: setting.databaseUrl,
    ARTIFACT_STORE: setting.artifactStore,
  });
}

export function webPart(setting: Setting): ChildSpec {
  const { options, secrets } = setting;
  const mode = options.isDev ? "dev" : "start";
  const args = ["node_modules/next/dist/bin/next", mode, "apps/web", "--port", String(setting.port), "--hostname", options.host];
  const health = `${webUrl(setting)}/api/v1/health`;
  return part(setting, "web", args, () => answers(health), {
    NODE_ENV: options.isDev ? "development" : "production",
    NEXT_TELEMETRY_DISABLED: "1",
    PORT: String(setting.port),
    HOST: options.host,
    DATABASE_URL: setting.databaseUrl,
    GATEWAY_URL: gatewayUrl(setting),
    PUBLIC_GATEWAY_URL: publicGatewayUrl(setting),
    AUTH_SECRET: secrets.authSecret,
    UPLOAD_TICKET_SECRET: secrets.uploadTicketSecret,
  });
}

/** Runs the demo fleet and whatever is started on the Simulator page. */
export function simulatorPart(setting: Setting, demo: { simulationId: string; token: string }): ChildSpec {
  const args = [
    ...programArgs(setting, "apps/device-sim/src/cli.ts"),
    "sim",
    "--serve",
    "--credentials",
    setting.folder.credentialsFile,
    "--kept-simulation",
    demo.simulationId,
    "--token",
    demo.token,
    "--data-dir",
    setting.folder.devices,
  ];
  return part(setting, "simulator", args, saidReady, {});
}

function programArgs(setting: Setting, file: string): string[] {
  return setting.options.isDev ? ["--watch", "--watch-preserve-output", file] : [file];
}

function part(setting: Setting, name: string, args: string[], isReady: ChildSpec["isReady"], env: Record<string, string>): ChildSpec {
  const inherited = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    name,
    args,
    cwd: setting.root,
    logFile: join(setting.folder.logs, `${name}.log`),
    isReady,
    say: setting.say,
    // Each part watches this process and ends when it is gone.
    env: { NODE_ENV: "production", ...Object.fromEntries(inherited), ...env, FLOTILLA_PARENT_PID: String(process.pid) },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
}
