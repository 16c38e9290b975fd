// How many syncs one gateway takes per second, each answered after its commit: closed loop over kept-alive connections, the
// generator on the same machine. node bench/gateway-syncs.ts [devices] [seconds]
import { spawn } from "node:child_process";
import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { connect, withSql, withTx } from "@flotilla/db";
import { migrate, startEmbeddedPostgres } from "@flotilla/db/setup";
import { createEnrollmentToken, systemPrincipal } from "@flotilla/fleet";
import { PROTOCOL_VERSION, enrollProof, tokenProof } from "@flotilla/protocol";

const DEVICES = Number(process.argv[2] ?? 400);
const SECONDS = Number(process.argv[3] ?? 10);
const HANDSHAKES_AT_ONCE = 32;

const dataDir = await mkdtemp(join(tmpdir(), "flotilla-bench-"));
const server = await startEmbeddedPostgres({ dataDir: join(dataDir, "pg") });
await migrate(server.url);
const db = connect(server.url);
const secret = "bench".repeat(8);
const gateway = spawn(process.execPath, ["apps/gateway/src/main.ts"], {
  env: { DATABASE_URL: server.url, ARTIFACT_STORE: join(dataDir, "store"), UPLOAD_TICKET_SECRET: secret, DEVICE_TOKEN_SECRET: secret, PORT: "0" },
  stdio: ["ignore", "pipe", "inherit"],
});
try {
  const url = await readyUrl();
  const { token: enrollmentToken } = await withTx(db, (tx) => createEnrollmentToken(tx, systemPrincipal("bench"), { maxUses: DEVICES }));
  const agent = new Agent({ keepAlive: true, maxSockets: DEVICES });
  const devices: Device[] = [];
  for (let i = 0; i < DEVICES; i += HANDSHAKES_AT_ONCE) {
    devices.push(...(await Promise.all(Array.from({ length: Math.min(HANDSHAKES_AT_ONCE, DEVICES - i) }, (_, n) => admit(url, agent, enrollmentToken, `bench-${i + n}`)))));
  }
  await Promise.all(devices.map((device) => device.sync()));
  const cpuBefore = await cpuSeconds(gateway.pid ?? 0);
  const latencies: number[] = [];
  const endMs = performance.now() + SECONDS * 1000;
  const beganMs = performance.now();
  await Promise.all(
    devices.map(async (device) => {
      while (performance.now() < endMs) {
        const sentMs = performance.now();
        await device.sync();
        latencies.push(performance.now() - sentMs);
      }
    }),
  );
  const seconds = (performance.now() - beganMs) / 1000;
  const cpu = (await cpuSeconds(gateway.pid ?? 0)) - cpuBefore;
  latencies.sort((a, b) => a - b);
  const at = (q: number): string => (latencies[Math.floor(q * (latencies.length - 1))] ?? 0).toFixed(1);
  const [stored] = await withSql(db, (sql) => sql.query<{ n: bigint }>("select sum(stored_windows)::bigint as n from telemetry_watermark"));
  console.log(`${DEVICES} devices, ${latencies.length} syncs in ${seconds.toFixed(1)} s: ${Math.round(latencies.length / seconds)}/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, gateway CPU ${((cpu / latencies.length) * 1e6).toFixed(0)} us each`);
  console.log(`windows sent ${latencies.length + DEVICES}, stored ${stored?.n}`);
  agent.destroy();
} finally {
  gateway.kill("SIGTERM");
  await new Promise((resolve) => gateway.once("exit", resolve));
  await db.close();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}

type Device = { sync(): Promise<void> };

function readyUrl(): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: gateway.stdout }).on("line", (line) => {
      const entry = JSON.parse(line) as { msg: string; url?: string };
      if (entry.msg === "ready" && entry.url) resolve(entry.url);
    });
    gateway.once("exit", (code) => reject(new Error(`the gateway ended with ${code}`)));
  });
}

async function admit(url: string, agent: Agent, enrollmentToken: string, name: string): Promise<Device> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" }).toString("base64");
  const deviceClass = { name: "pi4", arch: "arm64", isa: ["neon"], runtime: { name: "onnxruntime", version: "1.30.0" }, executionProvider: "cpu", memoryBytes: 4e9, simulated: true };
  const call = <T>(path: string, body?: unknown, token?: string): Promise<T> => send<T>(`${url}${path}`, agent, body, token);
  const proof = { token: enrollmentToken, name, publicKey, nonce: (await call<{ nonce: string }>("/device/v1/nonce")).nonce };
  const { deviceId } = await call<{ deviceId: string }>("/device/v1/enroll", { ...proof, protocol: PROTOCOL_VERSION, class: deviceClass, labels: {}, signature: sign(null, enrollProof(proof), privateKey).toString("base64") });
  const tokenRequest = { deviceId, nonce: (await call<{ nonce: string }>("/device/v1/nonce")).nonce };
  const { token } = await call<{ token: string }>("/device/v1/token", { ...tokenRequest, signature: sign(null, tokenProof(tokenRequest), privateKey).toString("base64") });
  let seq = 0;
  const buckets = Array.from({ length: 10 }, (_, i) => [100 + i, 12]).flat();
  return {
    async sync() {
      seq += 1;
      const window = { seq, buildId: "bld_1", versionId: "ver_1", mode: "field", wallMs: 0, ageMs: 1000, count: 120, errors: 0, sumMs: 600, minMs: 4, maxMs: 7, buckets };
      await call("/device/v1/sync", {
        protocol: PROTOCOL_VERSION, bootId: "bench-boot",
        report: { agentVersion: "0.1.0", targetVersion: 0, running: null, slots: [], class: deviceClass, resources: { rssBytes: 1, freeMemoryBytes: 1, freeDiskBytes: 1, queuedWindows: 0, temperatureC: null } },
        telemetry: { epoch: "0123456789abcdef", first: seq, last: seq, windows: [window] },
      }, token);
    },
  };
}

function send<T>(url: string, agent: Agent, body: unknown, token: string | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? "" : JSON.stringify(body);
    const req = request(url, {
      agent,
      method: body === undefined ? "GET" : "POST",
      headers: { ...(body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }), ...(token ? { authorization: `Bearer ${token}` } : {}) },
    }, (res) => {
      let answer = "";
      res.on("data", (chunk: Buffer) => (answer += chunk.toString()));
      res.on("end", () => (res.statusCode === 200 ? resolve(JSON.parse(answer) as T) : reject(new Error(`${res.statusCode}: ${answer}`))));
    });
    req.on("error", reject);
    req.end(text);
  });
}

/** CPU time of a process so far; NaN where the system does not tell. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
