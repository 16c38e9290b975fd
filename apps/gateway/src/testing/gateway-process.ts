import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { testSecrets } from "./test-gateway.ts";

/** The real program, in a process of its own. */
export type GatewayProcess = {
  url: string;
  /** Resident memory now and at its highest, in bytes; null where the system does not tell. */
  memory(): Promise<{ rssBytes: number; peakBytes: number } | null>;
  /** Sends a signal and answers the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
};

export async function startGatewayProcess(env: { DATABASE_URL: string; ARTIFACT_STORE: string } & Record<string, string>): Promise<GatewayProcess> {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: { PORT: "0", UPLOAD_TICKET_SECRET: testSecrets.uploadTicketSecret, DEVICE_TOKEN_SECRET: testSecrets.deviceTokenSecret, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry = JSON.parse(line) as { msg: string; url?: string };
      if (entry.msg === "ready" && entry.url !== undefined) resolve(entry.url);
    });
    void exited.then((code) => reject(new Error(`the gateway ended with ${code}: ${errors}`)));
  });
  return {
    url,
    async memory() {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => null);
      if (status === null) return null;
      const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN);
      return { rssBytes: kilobytes("VmRSS") * 1024, peakBytes: kilobytes("VmHWM") * 1024 };
    },
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return exited;
    },
  };
}
