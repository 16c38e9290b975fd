import { spawn, type ChildProcess } from "node:child_process";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { fileURLToPath } from "node:url";
import { PROTOCOL_VERSION, enrollProof, tokenProof } from "@flotilla/protocol";
import { exitOf } from "./platform.ts";

// Single programs of the outgrown form, each a process of its own, for tests that put them together as an operator does.

const root = fileURLToPath(new URL("../..", import.meta.url));

type Line = { msg: string; url?: string; [key: string]: unknown };

/** A program of the product. `ready` is the line it printed when it began to serve. */
export type Program = { process: ChildProcess; ready: Line; output: () => string; kill(): Promise<void>; stop(): Promise<void> };

/** Starts `node <main>` and waits until it says that it is ready. */
export async function startProgram(main: string, env: Record<string, string>, args: string[] = []): Promise<Program> {
  const child = spawn(process.execPath, [main, ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env["PATH"], FLOTILLA_PARENT_PID: String(process.pid), ...env } });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = exitOf(child);
  const ready = await new Promise<Line>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (text) => {
      output = `${output}${text}\n`.slice(-500_000);
      const line = JSON.parse(text) as Line;
      if (line.msg === "ready") resolve(line);
    });
    void exited.then((code) => reject(new Error(`${main} ended with ${code}:\n${output}`)));
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  return { process: child, ready, output: () => output, kill: () => end("SIGKILL"), stop: () => end("SIGTERM") };
}

/** Where the next request goes in turn; an upstream that refuses the connection is passed over, as any load balancer does. */
export type Balancer = { url: string; /** Requests that each upstream answered. */ answered: Map<string, number>; setUpstreams(urls: string[]): void; close(): Promise<void> };

export async function startBalancer(upstreams: string[]): Promise<Balancer> {
  let urls = upstreams;
  let turn = 0;
  const answered = new Map<string, number>();
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => attempt(urls.length));
    const attempt = (left: number): void => {
      const url = urls[(turn += 1) % urls.length] ?? "";
      const upstream = httpRequest(`${url}${request.url}`, { method: request.method, headers: request.headers }, (answer) => {
        answered.set(url, (answered.get(url) ?? 0) + 1);
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
        answer.on("error", () => response.destroy());
      });
      upstream.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "ECONNREFUSED" && left > 1) attempt(left - 1);
        else if (response.headersSent) response.destroy();
        else response.writeHead(502).end();
      });
      upstream.end(Buffer.concat(chunks));
    };
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answered,
    setUpstreams: (next) => (urls = next),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The smallest device: enrols and signs, at whichever gateway it is told to. */
export class BareDevice {
  readonly name: string;
  readonly #key: KeyObject;
  readonly #publicKey: string;
  deviceId = "";

  constructor(name: string) {
    const { privateKey } = generateKeyPairSync("ed25519");
    this.name = name;
    this.#key = privateKey;
    this.#publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" }).toString("base64");
  }

  async nonce(gateway: string): Promise<string> {
    return ((await (await fetch(`${gateway}/device/v1/nonce`)).json()) as { nonce: string }).nonce;
  }

  async enroll(gateway: string, token: string): Promise<void> {
    const proof = { token, name: this.name, publicKey: this.#publicKey, nonce: await this.nonce(gateway) };
    const deviceClass = { name: "bare", arch: "x64", isa: [], runtime: { name: "onnxruntime", version: "1" }, executionProvider: "cpu", memoryBytes: 2 ** 30, simulated: true };
    const answer = await post<{ deviceId: string }>(`${gateway}/device/v1/enroll`, { ...proof, protocol: PROTOCOL_VERSION, class: deviceClass, labels: {}, signature: this.#signed(enrollProof(proof)) });
    if (answer.status !== 200) throw new Error(`could not enrol: ${JSON.stringify(answer)}`);
    this.deviceId = answer.body.deviceId;
  }

  /** A signed request for an access token, to be sent where and as often as the test likes. */
  tokenRequest(nonce: string): unknown {
    const request = { deviceId: this.deviceId, nonce };
    return { ...request, signature: this.#signed(tokenProof(request)) };
  }

  #signed(bytes: Uint8Array): string {
    return sign(null, bytes, this.#key).toString("base64");
  }
}

export async function post<T>(url: string, body: unknown, headers: Record<string, string> = {}): Promise<{ status: number; body: T }> {
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as T };
}
