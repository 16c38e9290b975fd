import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { PROTOCOL_VERSION, enrollProof, tokenProof, type DeviceClass, type Labels, type SyncRequest, type SyncResponse, type TelemetryBatch } from "@flotilla/protocol";

/** A status and a body, whatever they are. */
export type Answer<T> = { status: number; body: T; headers: Headers };
type Problem = { code: string; detail: string };

export const testClass: DeviceClass = { name: "pi4", arch: "arm64", isa: ["neon"], runtime: { name: "onnxruntime", version: "1.30.0" }, executionProvider: "cpu", memoryBytes: 4 * 2 ** 30, simulated: true };

/** The smallest device that speaks the protocol; the real one is the agent of apps/device-sim. */
export class TestDevice {
  /** Where its gateway is; one that is started again is somewhere else. */
  url: string;
  readonly name: string;
  readonly publicKey: string;
  readonly #key: KeyObject;
  deviceId = "";
  token = "";
  seq = 0;

  constructor(url: string, name: string) {
    const { privateKey } = generateKeyPairSync("ed25519");
    this.url = url;
    this.name = name;
    this.#key = privateKey;
    this.publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" }).toString("base64");
  }

  async call<T>(path: string, init: RequestInit = {}): Promise<Answer<T>> {
    const response = await fetch(`${this.url}${path}`, init);
    const text = await response.text();
    return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as T, headers: response.headers };
  }

  post<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer<T & Problem>> {
    return this.call<T & Problem>(path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  }

  async nonce(): Promise<string> {
    return (await this.call<{ nonce: string }>("/device/v1/nonce")).body.nonce;
  }

  signed(bytes: Uint8Array): string {
    return sign(null, bytes, this.#key).toString("base64");
  }

  async enroll(token: string, more: { labels?: Labels; class?: DeviceClass; signature?: string } = {}): Promise<Answer<{ deviceId: string } & Problem>> {
    const proof = { token, name: this.name, publicKey: this.publicKey, nonce: await this.nonce() };
    const answer = await this.post<{ deviceId: string }>("/device/v1/enroll", {
      ...proof, protocol: PROTOCOL_VERSION, class: more.class ?? testClass, labels: more.labels ?? {}, signature: more.signature ?? this.signed(enrollProof(proof)),
    });
    if (answer.status === 200) this.deviceId = answer.body.deviceId;
    return answer;
  }

  async getToken(): Promise<Answer<{ token: string; expiresInSeconds: number } & Problem>> {
    const request = { deviceId: this.deviceId, nonce: await this.nonce() };
    const answer = await this.post<{ token: string; expiresInSeconds: number }>("/device/v1/token", { ...request, signature: this.signed(tokenProof(request)) });
    if (answer.status === 200) this.token = answer.body.token;
    return answer;
  }

  request(telemetry?: TelemetryBatch, report: Partial<SyncRequest["report"]> = {}): SyncRequest {
    return {
      protocol: PROTOCOL_VERSION, bootId: "boot-12345",
      report: {
        agentVersion: "0.1.0", targetVersion: 0, running: null, slots: [], class: testClass,
        resources: { rssBytes: 1, freeMemoryBytes: 1, freeDiskBytes: 1, queuedWindows: 0, temperatureC: null }, ...report,
      },
      ...(telemetry ? { telemetry } : {}),
    };
  }

  /** Telemetry for the next `n` windows of one sample each. */
  windows(n: number, first = this.seq + 1): TelemetryBatch {
    const windows = Array.from({ length: n }, (_, i) => ({
      seq: first + i, buildId: "bld_1", versionId: "ver_1", mode: "field" as const, wallMs: 0, ageMs: 0, count: 1, errors: 0, sumMs: 5, minMs: 5, maxMs: 5, buckets: [100, 1],
    }));
    this.seq = Math.max(this.seq, first + n - 1);
    return { epoch: "0123456789abcdef", first, last: first + n - 1, windows };
  }

  sync(request: unknown = this.request()): Promise<Answer<SyncResponse & Problem>> {
    return this.post<SyncResponse>("/device/v1/sync", request, { authorization: `Bearer ${this.token}` });
  }
}
