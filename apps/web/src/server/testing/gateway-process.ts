import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The real gateway as a program of its own: web knows it by its URL only. */
export async function startGateway(env: { DATABASE_URL: string; ARTIFACT_STORE: string; UPLOAD_TICKET_SECRET: string }): Promise<{ url: string; stop(): Promise<void> }> {
  const main = fileURLToPath(new URL("../../../../gateway/src/main.ts", import.meta.url));
  const child = spawn(process.execPath, [main], { env: { NODE_ENV: "test", ...env, PORT: "0", DEVICE_TOKEN_SECRET: "d".repeat(40) }, stdio: ["ignore", "pipe", "pipe"] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry = JSON.parse(line) as { msg: string; url?: string };
      if (entry.msg === "ready" && entry.url !== undefined) resolve(entry.url);
    });
    void exited.then(() => reject(new Error(`the gateway ended: ${errors}`)));
  });
  return {
    url,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
