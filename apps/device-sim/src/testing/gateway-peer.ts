import { createHash, createPublicKey, randomBytes, verify } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  FleetError, enrollProof, enrollRequestSchema, enrollResponseSchema, problemOf, syncRequestSchema, syncResponseSchema, tokenProof, tokenRequestSchema,
  type Command, type SyncRequest, type Target, type TelemetryBatch, type TelemetryWindow,
} from "@flotilla/protocol";
import type { z } from "zod";
import { NetworkError, type Net, type NetResponse } from "../agent/net.ts";

/** What the peer knows of one device. */
export type PeerDevice = {
  readonly id: string;
  readonly name: string;
  publicKey: string;
  revoked: boolean;
  target: Target | null;
  commands: Command[];
  readonly syncs: SyncRequest[];
  /** Stored telemetry: per epoch the watermark, windows by number, and declared drops. */
  readonly epochs: Map<string, { watermark: number; windows: Map<number, TelemetryWindow>; dropped: number }>;
};

/** Decides about one answer: "lose" handles the request and cuts the connection; `cutAfter` sends so many body bytes and cuts. */
export type Interference = "pass" | "lose" | "refuse" | { readonly cutAfter: number } | { readonly status: number; readonly code: string; readonly retryAfter?: number } | { readonly body: Uint8Array; readonly chunked?: boolean };

/**
 * A server that speaks the device protocol, for tests of the agent: real HTTP, real signatures, the protocol's own schemas, state in
 * memory. `interfere` is asked about every request.
 */
export class GatewayPeer {
  readonly devices = new Map<string, PeerDevice>();
  readonly artifacts = new Map<string, Uint8Array>();
  /** Requests in order, as "METHOD path". */
  readonly requests: string[] = [];
  readonly rangesAsked: string[] = [];
  enrollmentTokens = new Set(["enroll-me"]);
  syncAfterMs = 50;
  tokenLifeSeconds = 900;
  /** Tokens die so much earlier than they say: a device that waits for the very end is refused. */
  tokenDiesEarlyMs = 0;
  refuseTelemetry = false;
  artifactBytesSent = 0;
  interfere: (method: string, path: string) => Interference = () => "pass";
  /** Sees every report before its answer is made: may give the device its next target. */
  onSync: (device: PeerDevice, request: SyncRequest) => void = () => undefined;
  #nonces = new Set<string>();
  #tokens = new Map<string, { deviceId: string; expiresAt: number }>();
  #changed: (() => void)[] = [];
  readonly #server = createServer((request, response) => void this.#handle(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", () => resolve()));
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Stores bytes under their digest. */
  addArtifact(bytes: Uint8Array): { sha256: string; sizeBytes: number } {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    this.artifacts.set(sha256, bytes);
    return { sha256, sizeBytes: bytes.length };
  }

  device(name: string): PeerDevice {
    const found = [...this.devices.values()].find((device) => device.name === name);
    if (found === undefined) throw new Error(`no device ${name}`);
    return found;
  }

  expireTokens(): void {
    for (const held of this.#tokens.values()) held.expiresAt = 0;
  }

  /** Waits, through any number of requests, until the condition gives something truthy. */
  async until<T>(what: string, condition: () => T, timeoutMs = 60_000): Promise<NonNullable<T>> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const value = condition();
      if (value) return value;
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`gave up waiting until ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 100));
        this.#changed.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    const method = request.method ?? "";
    this.requests.push(`${method} ${path}`);
    const interference = this.interfere(method, path);
    try {
      if (interference === "refuse") return void request.socket.destroy();
      const body = await readBody(request);
      if (typeof interference === "object" && "status" in interference) {
        const headers = interference.retryAfter === undefined ? {} : { "retry-after": String(interference.retryAfter) };
        return send(response, interference.status, { code: interference.code, detail: "the test says so" }, headers);
      }
      const artifact = /^\/device\/v1\/artifacts\/([0-9a-f]{64})$/.exec(path)?.[1];
      if (method === "GET" && artifact !== undefined) return this.#artifact(request, response, artifact, interference);
      const answer = this.#answer(method, path, request.headers.authorization, body);
      if (interference === "lose") return void request.socket.destroy();
      send(response, 200, answer);
    } catch (error) {
      if (response.destroyed) return;
      const problem = problemOf(error, "test");
      send(response, problem.status, problem);
    } finally {
      for (const wake of this.#changed.splice(0)) wake();
    }
  }

  /**
   * The same server without a network between: for tests that need thousands of exchanges or a clock of their own. Of the interferences
   * it knows "refuse", "lose" and statuses; artifacts come in pieces of `pieceBytes`.
   */
  direct(pieceBytes = 64 * 1024): Net {
    return {
      request: async ({ method, path, headers = {}, body = "" }) => {
        this.requests.push(`${method} ${path}`);
        const interference = this.interfere(method, path);
        if (interference === "refuse") throw new NetworkError("refused");
        const answered = (status: number, bytes: Uint8Array, more: Record<string, string> = {}): NetResponse => ({
          status, headers: more, body: piecesOf(bytes, pieceBytes), discard: () => Promise.resolve(),
        });
        try {
          if (typeof interference === "object" && "status" in interference) return answered(interference.status, Buffer.from(JSON.stringify({ code: interference.code })));
          const artifact = /^\/device\/v1\/artifacts\/([0-9a-f]{64})$/.exec(path)?.[1];
          if (artifact !== undefined) {
            this.#authenticated(headers.authorization);
            const { status, headers: more, part } = this.#range(artifact, headers.range, headers["if-range"]);
            return answered(status, part, more);
          }
          const answer = this.#answer(method, path, headers.authorization, body);
          if (interference === "lose") throw new NetworkError("the answer was lost");
          return answered(200, Buffer.from(JSON.stringify(answer)));
        } catch (error) {
          if (error instanceof NetworkError) throw error;
          const problem = problemOf(error, "test");
          return answered(problem.status, Buffer.from(JSON.stringify(problem)));
        } finally {
          for (const wake of this.#changed.splice(0)) wake();
        }
      },
      close: () => Promise.resolve(),
    };
  }

  #answer(method: string, path: string, authorization: string | undefined, body: string): unknown {
    if (method === "GET" && path === "/device/v1/nonce") {
      const nonce = randomBytes(16).toString("hex");
      this.#nonces.add(nonce);
      return { nonce };
    }
    if (method === "POST" && path === "/device/v1/enroll") return this.#enroll(parse(enrollRequestSchema, body));
    if (method === "POST" && path === "/device/v1/token") return this.#token(parse(tokenRequestSchema, body));
    if (method === "POST" && path === "/device/v1/sync") return this.#sync(this.#authenticated(authorization), parse(syncRequestSchema, body));
    throw new FleetError("not_found", { public: path });
  }

  #useNonce(nonce: string): void {
    if (!this.#nonces.delete(nonce)) throw new FleetError("proof_invalid", { public: "unknown nonce" });
  }

  #enroll(request: ReturnType<typeof enrollRequestSchema.parse>): unknown {
    this.#useNonce(request.nonce);
    if (!isSigned(enrollProof(request), request.publicKey, request.signature)) throw new FleetError("proof_invalid", { public: "wrong signature" });
    if (!this.enrollmentTokens.has(request.token)) throw new FleetError("enrollment_token_invalid", { public: "the enrolment token is not valid" });
    const known = [...this.devices.values()].find((device) => device.name === request.name);
    if (known !== undefined && known.publicKey !== request.publicKey) throw new FleetError("key_change_pending", { public: "known with another key" });
    const id = known?.id ?? `device-${this.devices.size + 1}`;
    if (known === undefined) {
      this.devices.set(id, { id, name: request.name, publicKey: request.publicKey, revoked: false, target: null, commands: [], syncs: [], epochs: new Map() });
    }
    return enrollResponseSchema.parse({ deviceId: id, name: request.name });
  }

  #token(request: ReturnType<typeof tokenRequestSchema.parse>): unknown {
    this.#useNonce(request.nonce);
    const device = this.devices.get(request.deviceId);
    if (device === undefined) throw new FleetError("device_unknown", { public: "not enrolled" });
    if (device.revoked) throw new FleetError("device_revoked", { public: "withdrawn by an operator" });
    if (!isSigned(tokenProof(request), device.publicKey, request.signature)) throw new FleetError("proof_invalid", { public: "wrong signature" });
    const token = randomBytes(24).toString("base64url");
    this.#tokens.set(token, { deviceId: device.id, expiresAt: performance.now() + this.tokenLifeSeconds * 1_000 - this.tokenDiesEarlyMs });
    return { token, expiresInSeconds: this.tokenLifeSeconds };
  }

  #authenticated(authorization: string | undefined): PeerDevice {
    const held = this.#tokens.get((authorization ?? "").replace(/^Bearer /, ""));
    const device = held === undefined ? undefined : this.devices.get(held.deviceId);
    if (held === undefined) throw new FleetError("unauthenticated", { public: "no token" });
    if (device === undefined) throw new FleetError("device_unknown", { public: "not enrolled" });
    if (device.revoked) throw new FleetError("device_revoked", { public: "withdrawn by an operator" });
    if (held.expiresAt <= performance.now()) throw new FleetError("token_expired", { public: "expired" });
    return device;
  }

  #sync(device: PeerDevice, request: SyncRequest): unknown {
    if (this.refuseTelemetry && request.telemetry !== undefined) throw new FleetError("bad_request", { public: "a window holds more samples than a minute can" });
    device.syncs.push(request);
    this.onSync(device, request);
    const ack = request.telemetry === undefined ? undefined : storeTelemetry(device, request.telemetry);
    const target = device.target !== null && device.target.targetVersion > request.report.targetVersion ? device.target : undefined;
    const commands = device.commands.splice(0);
    return syncResponseSchema.parse({ serverTime: new Date().toISOString(), syncAfterMs: this.syncAfterMs, commands, ...(target && { target }), ...(ack && { ack }) });
  }

  /** An artifact from the byte on that the headers ask for. */
  #range(sha256: string, range: string | undefined, ifRange: string | undefined): { status: number; headers: Record<string, string>; part: Uint8Array } {
    const bytes = this.artifacts.get(sha256);
    if (bytes === undefined) throw new FleetError("not_found", { public: "no such artifact" });
    const etag = `"${sha256}"`;
    const asked = /^bytes=(\d+)-$/.exec(range ?? "")?.[1];
    const from = asked !== undefined && ifRange === etag ? Number(asked) : null;
    if (from !== null && from >= bytes.length) return { status: 416, headers: { "content-range": `bytes */${bytes.length}` }, part: new Uint8Array() };
    const part = bytes.subarray(from ?? 0);
    this.artifactBytesSent += part.length;
    const headers = { etag, "content-length": String(part.length), ...(from === null ? {} : { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }) };
    return { status: from === null ? 200 : 206, headers, part };
  }

  #artifact(request: IncomingMessage, response: ServerResponse, sha256: string, interference: Interference): void {
    this.#authenticated(request.headers.authorization);
    const stored = this.artifacts.get(sha256);
    if (stored === undefined) throw new FleetError("not_found", { public: "no such artifact" });
    const bytes = typeof interference === "object" && "body" in interference ? interference.body : stored;
    const etag = `"${sha256}"`;
    const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
    const usable = asked !== undefined && request.headers["if-range"] === etag;
    if (asked !== undefined) this.rangesAsked.push(`${String(request.headers.range)} ${String(request.headers["if-range"])}`);
    const from = usable ? Number(asked) : 0;
    if (usable && from >= bytes.length) return void response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    const part = bytes.subarray(from);
    response.writeHead(usable ? 206 : 200, {
      etag, "accept-ranges": "bytes", ...(typeof interference === "object" && "chunked" in interference ? {} : { "content-length": part.length }), ...(usable ? { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    if (typeof interference === "object" && "cutAfter" in interference && interference.cutAfter < part.length) {
      this.artifactBytesSent += interference.cutAfter;
      response.write(part.subarray(0, interference.cutAfter), () => request.socket.destroySoon());
      return;
    }
    this.artifactBytesSent += part.length;
    response.end(part);
  }
}

async function* piecesOf(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** One transaction of the real server: windows and watermark together; duplicates are acknowledged, gaps answered with what is expected. */
export function storeTelemetry(device: Pick<PeerDevice, "epochs">, batch: TelemetryBatch): { epoch: string; seq: number } {
  const epoch = device.epochs.get(batch.epoch) ?? { watermark: 0, windows: new Map<number, TelemetryWindow>(), dropped: 0 };
  device.epochs.set(batch.epoch, epoch);
  if (batch.first <= epoch.watermark + 1 && batch.last > epoch.watermark) {
    for (const window of batch.windows) {
      if (window.seq <= epoch.watermark) continue;
      if (epoch.windows.has(window.seq)) throw new Error("stored twice");
      epoch.windows.set(window.seq, window);
    }
    for (const [from, to] of batch.dropped ?? []) epoch.dropped += Math.max(to - Math.max(from, epoch.watermark + 1) + 1, 0);
    epoch.watermark = batch.last;
  }
  return { epoch: batch.epoch, seq: epoch.watermark };
}

function isSigned(proof: Uint8Array, publicKey: string, signature: string): boolean {
  const key = createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" });
  return verify(null, proof, key, Buffer.from(signature, "base64"));
}

function parse<T>(schema: z.ZodType<T>, body: string): T {
  const parsed = schema.safeParse(JSON.parse(body));
  if (!parsed.success) throw new FleetError("bad_request", { public: parsed.error.message });
  return parsed.data;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text), ...headers });
  response.end(text);
}
