import { createHash } from "node:crypto";
import type { Platform } from "./platform.ts";
import { Stop, until } from "./platform.ts";

/** What the operator API answers, as far as the system tests look at it. */
export type Rollout = {
  id: string; state: string; cause: { code: string; sentence: string } | null; verdict: string;
  waves: { state: string; counts: { total: number; failed: number; rolledBack: number } }[];
  counts: Record<"total" | "succeeded" | "failed" | "rolledBack" | "queued" | "offered" | "skipped" | "resolved", number>;
  rollbackCounts: Record<"total" | "succeeded", number> | null;
};
export type Deployment = { deviceId: string; deviceName: string; className: string; state: string; failureCode: string | null; recovery: string | null; wave: number; direction: string };
export type DeviceRow = { id: string; name: string; className: string; presence: string; wantedBuild: { id: string } | null; actualBuild: { id: string } | null };
export type Page<T> = { items: T[]; nextCursor: string | null };

/** An operator with an API key: the verbs of the tests in terms of HTTP calls, nothing else. */
export class Operator {
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.#platform.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#platform.apiKey}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} → ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  async upload(filename: string, bytes: Uint8Array): Promise<string> {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const upload = await this.call<{ uploadId: string; state: string; partSizeBytes: number; partUrl: string | null }>("POST", "/uploads", { filename, sizeBytes: bytes.length, sha256 });
    if (upload.state === "complete") return upload.uploadId;
    for (let n = 1, at = 0; at < bytes.length; n += 1, at += upload.partSizeBytes) {
      const part = bytes.subarray(at, at + upload.partSizeBytes);
      const response = await fetch(new URL(`${upload.partUrl}/${n}`, this.#platform.url), { method: "PUT", body: part as Uint8Array<ArrayBuffer> });
      if (!response.ok) throw new Error(`part ${n} → ${response.status} ${await response.text()}`);
    }
    await this.call("POST", `/uploads/${upload.uploadId}/complete`);
    return upload.uploadId;
  }

  /** Uploads a model and waits for the verdict of its import. */
  async importModel(name: string, filename: string, bytes: Uint8Array): Promise<{ id: string; state: string; rejectCode: string | null; rejectReason: string | null; inspection: { nodeCount: number } | null }> {
    const uploadId = await this.upload(filename, bytes);
    const model = await this.modelNamed(name);
    const version = await this.call<{ id: string }>("POST", `/models/${model.id}/versions`, { uploadId });
    return until(`version of ${name} is decided`, async () => {
      const now = await this.call<{ id: string; state: string; rejectCode: string | null; rejectReason: string | null; inspection: { nodeCount: number } | null }>("GET", `/versions/${version.id}`);
      return now.state === "validating" ? null : now;
    }, 120_000);
  }

  async modelNamed(name: string): Promise<{ id: string }> {
    const known = await this.call<Page<{ id: string; name: string }>>("GET", "/models?limit=200");
    return known.items.find((m) => m.name === name) ?? this.call("POST", "/models", { name });
  }

  /** Makes a build of one version and waits for its manifest. */
  async build(name: string, versionId: string): Promise<string> {
    const build = await this.call<{ id: string }>("POST", "/builds", { name, variants: [{ versionId }], settings: {} });
    await until(`build ${name} is ready`, async () => {
      const now = await this.call<{ state: string; failure: string | null }>("GET", `/builds/${build.id}`);
      if (now.state === "failed") throw new Stop(`build failed: ${now.failure}`);
      return now.state === "ready";
    }, 120_000);
    return build.id;
  }

  async startRollout(buildId: string, fleetId: string, waves: { percent: number; soakSeconds?: number; maxFailurePercent?: number }[]): Promise<string> {
    const rollout = await this.call<{ id: string }>("POST", "/rollouts", { buildId, fleetId, waves });
    await this.call("POST", `/rollouts/${rollout.id}/start`, {});
    return rollout.id;
  }

  rollout(id: string): Promise<Rollout> {
    return this.call("GET", `/rollouts/${id}`);
  }

  /** Waits until the rollout is in `state`; gives up when it lands in another resting state. */
  rolloutReaches(id: string, state: string, timeoutMs = 360_000): Promise<Rollout> {
    const resting = ["halted", "completed", "cancelled", "rolled_back", "superseded", "paused"];
    return until(`rollout is ${state}`, async () => {
      const now = await this.rollout(id);
      if (now.state === state) return now;
      if (resting.includes(now.state) && state !== "rolled_back") throw new Stop(`rollout is ${now.state}, not ${state}: ${now.verdict}`);
      return null;
    }, timeoutMs);
  }

  deployments(rolloutId: string): Promise<Deployment[]> {
    return this.all(`/rollouts/${rolloutId}/deployments`);
  }

  devices(query = ""): Promise<DeviceRow[]> {
    return this.all(`/devices?query=${encodeURIComponent(query)}`);
  }

  /** Every item of a paginated list. */
  async all<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const more: Page<T> = await this.call("GET", `${path}${path.includes("?") ? "&" : "?"}limit=200${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`);
      items.push(...more.items);
      cursor = more.nextCursor;
    } while (cursor !== null);
    return items;
  }
}
