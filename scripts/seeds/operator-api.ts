import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

export type Credentials = { url: string; apiKey: string };
type Page<T> = { items: T[]; nextCursor: string | null };

const POLL_MS = 300;

/** The calls of the operator API that seeds use; every one throws with the answer's own words when it is refused. */
export class OperatorApi {
  readonly #credentials: Credentials;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.#credentials.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#credentials.apiKey}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was refused (${response.status}): ${text.slice(0, 500)}`);
    return JSON.parse(text || "null") as T;
  }

  /** The object of that name, made when it is missing. */
  async ensure<T extends { id: string; name: string }>(path: string, body: { name: string } & Record<string, unknown>): Promise<T> {
    const { items } = await this.call<Page<T>>("GET", `${path}?limit=200`);
    return items.find((item) => item.name === body.name) ?? this.call<T>("POST", path, body);
  }

  /** Sends a file in parts and answers the id of the upload. */
  async upload(filename: string, bytes: Uint8Array): Promise<string> {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const opened = await this.call<{ uploadId: string; state: string; partSizeBytes: number; partUrl: string | null }>("POST", "/uploads", {
      filename,
      sizeBytes: bytes.length,
      sha256,
    });
    if (opened.state === "complete") return opened.uploadId;
    for (let n = 1, at = 0; at < bytes.length; n++, at += opened.partSizeBytes) {
      const part = bytes.slice(at, at + opened.partSizeBytes);
      const response = await fetch(new URL(`${opened.partUrl}/${n}`, this.#credentials.url), { method: "PUT", body: part });
      if (!response.ok) throw new Error(`part ${n} of ${filename} was refused (${response.status}): ${await response.text()}`);
    }
    await this.call("POST", `/uploads/${opened.uploadId}/complete`);
    return opened.uploadId;
  }

  /** Asks again until the object has left the given state. */
  async leaves<T extends { state: string }>(path: string, state: string): Promise<T> {
    for (;;) {
      const now = await this.call<T>("GET", path);
      if (now.state !== state) return now;
      await delay(POLL_MS);
    }
  }
}
