// How many devices one gateway lets in per second: each asks for a nonce, enrols with one shared token, asks for another nonce and
// gets its access token. Devices, gateway and PostgreSQL share the machine. node bench/enrolment.ts [devices] [connections] [rounds]
import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { Agent, request } from "node:http";
import { availableParallelism, loadavg } from "node:os";
import { withTx } from "@flotilla/db";
import { createEnrollmentToken, systemPrincipal } from "@flotilla/fleet";
import { PROTOCOL_VERSION, enrollProof, tokenProof } from "@flotilla/protocol";

import { cpuSeconds, startGateway, treeCpuSeconds } from "./load/processes.ts";
import { median, range, startWorld } from "./load/world.ts";
import { wholeNumbersOfCommandLine } from "./world/whole-numbers.ts";

const { devices: DEVICES, connections: CONNECTIONS, rounds: ROUNDS } = wholeNumbersOfCommandLine({ devices: 2_000, connections: 200, rounds: 3 });
const SECRET = "bench".repeat(8);
const CLASS = { name: "pi4", arch: "arm64", isa: ["neon"], runtime: { name: "onnxruntime-node", version: "1.30.0" }, executionProvider: "cpu", memoryBytes: 4 * 2 ** 30, simulated: true };
const RETRY_MS = 50;

type Newcomer = { name: string; publicKey: string; deviceId: string; sign(bytes: Uint8Array): string };

const world = await startWorld(0);
const gateway = await startGateway({ DATABASE_URL: world.url, ARTIFACT_STORE: world.store, secret: SECRET });
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
let refused = 0;
try {
  console.log(`${DEVICES} devices, ${CONNECTIONS} connections, ${availableParallelism()} cores, load average ${loadavg()[0]?.toFixed(1)}`);
  const enrolments: number[] = [];
  const tokens: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const devices = Array.from({ length: DEVICES }, (_, i) => newcomer(`new-${round}-${i}`));
    const { token } = await withTx(world.db, (tx) => createEnrollmentToken(tx, systemPrincipal("bench"), { maxUses: DEVICES }));
    enrolments.push(await perSecond("enrolments", devices, (device) => enrol(device, token)));
    tokens.push(await perSecond("access tokens", devices, getToken));
  }
  console.log(`enrolments ${median(enrolments).toFixed(0)}/s (${range(enrolments)}), access tokens ${median(tokens).toFixed(0)}/s (${range(tokens)}), ${refused} calls were told to come later; load average ${loadavg()[0]?.toFixed(1)}`);
} finally {
  agent.destroy();
  await gateway.stop();
  await world.close();
}

function newcomer(name: string): Newcomer {
  const { privateKey } = generateKeyPairSync("ed25519");
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" }).toString("base64");
  return { name, publicKey, deviceId: "", sign: (bytes) => sign(null, bytes, privateKey).toString("base64") };
}

/** Lets all devices do one thing, as many at once as there are connections. */
async function perSecond(what: string, devices: readonly Newcomer[], act: (device: Newcomer) => Promise<void>): Promise<number> {
  const before = [await cpuSeconds(gateway.pid), await treeCpuSeconds(world.postgresPid)] as const;
  const beganMs = performance.now();
  const queue = devices.values();
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    for (const device of queue) await act(device);
  }));
  const seconds = (performance.now() - beganMs) / 1000;
  const [gatewayCpu, postgresCpu] = [(await cpuSeconds(gateway.pid)) - before[0], (await treeCpuSeconds(world.postgresPid)) - before[1]];
  const perDeviceUs = (cpu: number): string => ((cpu / devices.length) * 1e6).toFixed(0);
  console.log(`${what.padEnd(14)} ${(devices.length / seconds).toFixed(0).padStart(5)}/s   CPU of each: gateway ${perDeviceUs(gatewayCpu)} us, PostgreSQL ${perDeviceUs(postgresCpu)} us; load average ${loadavg()[0]?.toFixed(1)}`);
  return devices.length / seconds;
}

async function enrol(device: Newcomer, token: string): Promise<void> {
  const answer = await untilTaken("/device/v1/enroll", (nonce) => {
    const proof = { token, name: device.name, publicKey: device.publicKey, nonce };
    return { ...proof, protocol: PROTOCOL_VERSION, class: CLASS, labels: { site: "osaka" }, signature: device.sign(enrollProof(proof)) };
  });
  device.deviceId = String(answer["deviceId"]);
}

async function getToken(device: Newcomer): Promise<void> {
  await untilTaken("/device/v1/token", (nonce) => {
    const asked = { deviceId: device.deviceId, nonce };
    return { ...asked, signature: device.sign(tokenProof(asked)) };
  });
}

/** A signed call, again for as long as the gateway says that too many come at once. */
async function untilTaken(path: string, bodyOf: (nonce: string) => object): Promise<Record<string, unknown>> {
  for (;;) {
    const { nonce } = (await call("GET", "/device/v1/nonce")).body;
    const { status, body } = await call("POST", path, JSON.stringify(bodyOf(String(nonce))));
    if (status === 200) return body;
    if (status !== 429) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
    refused += 1;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function call(method: string, path: string, body?: string): Promise<{ status: number; body: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const req = request(`${gateway.url}${path}`, { method, agent, headers }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (chunk: string) => { text += chunk; }).once("end", () => resolve({ status: res.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> }));
    });
    req.once("error", reject);
    req.end(body);
  });
}
