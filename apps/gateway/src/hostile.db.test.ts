import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { problemSchema, SYNC_LIMITS } from "@flotilla/protocol";
import type { TestDevice } from "./testing/test-device.ts";
import { startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

let gateway: TestGateway;
let device: TestDevice;
beforeAll(async () => {
  gateway = await startTestGateway();
  device = await gateway.device("hostile");
});
// Whatever was sent, the gateway still does its work afterwards.
afterEach(async () => {
  const { status } = await device.sync(device.request(device.windows(1)));
  if (status !== 200) throw new Error(`after this test the gateway answered an ordinary sync with ${status}`);
});
afterAll(() => gateway.stop());

/** Sends raw text and answers all that comes back until the connection ends; resolves also when it is reset. */
function raw(text: string | Buffer, more?: (socket: Socket) => void): Promise<string> {
  const { hostname, port } = new URL(gateway.url);
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(Number(port), hostname, () => {
      socket.write(text);
      more?.(socket);
    });
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1");
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", () => undefined);
  });
}

const head = (lines: readonly string[]): string => `POST /device/v1/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${device.token}\r\n${lines.join("\r\n")}\r\n\r\n`;
const send = (body: string | Buffer, headers: Record<string, string> = {}) =>
  device.call<unknown>("/device/v1/sync", { method: "POST", body: body as NonNullable<RequestInit["body"]>, headers: { "content-type": "application/json", authorization: `Bearer ${device.token}`, ...headers } });
const good = (): string => JSON.stringify(device.request());

describe("bodies", () => {
  const withReport = (report: unknown): string => JSON.stringify({ ...device.request(), report });
  const cases: [string, () => [string | Buffer, Record<string, string>?], number][] = [
    ["not JSON", () => ["{nope"], 400],
    ["empty", () => [""], 400],
    ["null", () => ["null"], 400],
    ["an array", () => ["[]"], 400],
    ["a number too large for JSON numbers", () => [good().replace('"rssBytes":1', '"rssBytes":1e999')], 400],
    ["nested 100,000 deep", () => ["[".repeat(100_000) + "]".repeat(100_000)], 400],
    ["nested 40,000 deep in a field we read", () => [good().replace('"slots":[]', `"slots":${"[".repeat(40_000)}${"]".repeat(40_000)}`)], 400],
    ["10 MB", () => [Buffer.alloc(10 * 1024 * 1024, 32)], 413],
    ["a byte over the limit", () => [good().padEnd(SYNC_LIMITS.bodyBytes + 1, " ")], 413],
    ["a gzip bomb", () => [gzipSync(Buffer.alloc(64 * 1024 * 1024, 32), { level: 1 }), { "content-encoding": "gzip" }], 413],
    ["something else as gzip", () => [good(), { "content-encoding": "gzip" }], 400],
    ["an unknown encoding", () => [good(), { "content-encoding": "br" }], 415],
    ["another media type", () => [good(), { "content-type": "text/plain" }], 415],
    ["invalid UTF-8", () => [Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])], 400],
    ["a NUL in text", () => [good().replace("boot-12345", "boot-\\u0000-12345")], 400],
    ["half of a surrogate pair", () => [good().replace("boot-12345", "boot-\\ud800-12345")], 400],
    ["a window without end", () => [JSON.stringify(device.request({ ...device.windows(1, device.seq + 1), last: device.seq + 5 }))], 400],
    ["more samples than a minute holds", () => [good().slice(0, -1) + `,"telemetry":{"epoch":"0123456789abcdef","first":1,"last":1,"windows":[{"seq":1,"buildId":"b","versionId":"v","mode":"field","wallMs":0,"ageMs":0,"count":1,"errors":0,"sumMs":1,"minMs":1,"maxMs":1,"buckets":[5,9007199254740991]}]}}`], 400],
    ["a report that is none", () => [withReport("x")], 400],
    ["a later protocol", () => [JSON.stringify({ ...device.request(), protocol: 99 })], 426],
  ];
  for (const [name, make, status] of cases) {
    test(`${name} is refused with ${status} and a problem document`, async () => {
      const before = device.seq;
      const [body, headers] = make();
      device.seq = before;
      const answer = await send(body, headers);
      expect(answer.status).toBe(status);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
      expect(problemSchema.parse(answer.body)).toMatchObject({ status });
      expect(answer.headers.get("x-request-id")).toBe((answer.body as { requestId: string }).requestId);
    });
  }

  test("keys that would reach into prototypes are ignored", async () => {
    const answer = await send(good().replace('{"protocol"', '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"protocol"'));
    expect(answer.status).toBe(200);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    const enroll = await device.post("/device/v1/enroll", JSON.parse('{"labels":{"__proto__":"x","constructor":"y"}}'));
    expect(enroll.status).toBe(400);
  });

  test("a gzip body of an ordinary sync is taken", async () => {
    expect((await send(gzipSync(good()), { "content-encoding": "gzip" })).status).toBe(200);
  });
});

describe("ranges", () => {
  const size = 100_000;
  const bytes = Buffer.alloc(size, 7);
  const ask = async (range: string) => {
    const { sha256 } = await gateway.store.put(bytes);
    await gateway.wish(device, sha256);
    const response = await fetch(`${gateway.url}/device/v1/artifacts/${sha256}`, { headers: { authorization: `Bearer ${device.token}`, range } });
    return { status: response.status, type: response.headers.get("content-type"), sent: (await response.arrayBuffer()).byteLength };
  };
  const many = `bytes=${Array.from({ length: 1_300 }, (_, i) => `${i}-${size - 1}`).join(",")}`;

  test("many, overlapping and unreadable ranges never send more than the artifact once, and never in parts", async () => {
    const asked = [many, "bytes=0-,0-,0-,0-", "bytes=0-99999,1-99999,2-99999", `bytes=${"0".repeat(10_000)}-1`, "bytes=-0,-1", "bytes=9-1", "items=0-5", "bytes=0x10-0x20", "bytes=1e3-", "bytes= - "];
    for (const range of asked) expect(await ask(range), range.slice(0, 40)).toEqual({ status: 200, type: "application/octet-stream", sent: size });
  });

  test("huge numbers are cut at the artifact's end or not satisfiable", async () => {
    expect(await ask("bytes=99999-999999999999999")).toMatchObject({ status: 206, sent: 1 });
    expect(await ask("bytes=-999999999999999")).toMatchObject({ status: 206, sent: size });
    expect(await ask("bytes=999999999999999-")).toMatchObject({ status: 416 });
    expect(await ask(`bytes=${"9".repeat(300)}-`)).toMatchObject({ status: 200, sent: size });
  });
});

describe("HTTP itself", () => {
  test("a body longer than its Content-Length is not smuggled in as another request", async () => {
    const answer = await raw(`${head(["content-type: application/json", "content-length: 4"])}nullGET /healthz HTTP/1.1\r\nbad\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400/);
    expect(answer).not.toContain('"status":"ok"');
  });

  test("both Content-Length and Transfer-Encoding are refused", async () => {
    expect(await raw(`${head(["content-type: application/json", "content-length: 4", "transfer-encoding: chunked"])}0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400/);
  });

  test("a body that ends early, and one that comes too slowly, hold nothing up", async () => {
    const aborted = raw(`${head(["content-type: application/json", "content-length: 1000"])}{"pro`, (socket) => socket.end());
    const slow = raw(`${head(["content-type: application/json", "content-length: 1000"])}{`);
    // Half-open: one that never says anything, one that stops within its headers, and one that drips them.
    const silent = raw("");
    const halfHeaders = raw("POST /device/v1/sync HTTP/1.1\r\nhost: x\r\nx-slow: a");
    const dripping = raw("POST /device/v1/sync HTTP/1.1\r\nhost: x\r\n", (socket) => {
      const drip = setInterval(() => socket.write("x-drip: a\r\n"), 500);
      socket.on("close", () => clearInterval(drip));
    });
    expect((await device.sync()).status).toBe(200);
    await aborted;
    for (const answer of await Promise.all([slow, silent, halfHeaders, dripping])) expect(answer).toMatch(/^HTTP\/1\.1 408/);
  });

  test("a chunked body without end is cut at the limit", async () => {
    const chunk = `10000\r\n${" ".repeat(0x10000)}\r\n`;
    const answer = await raw(head(["content-type: application/json", "transfer-encoding: chunked"]), (socket) => {
      const more = (): void => {
        if (!socket.destroyed && socket.writable) socket.write(chunk, more);
      };
      more();
    });
    expect(answer).toMatch(/^HTTP\/1\.1 413/);
  });

  test("headers beyond the limit and no HTTP at all are answered and closed", async () => {
    expect(await raw(`${head([`x-long: ${"a".repeat(100_000)}`])}`)).toMatch(/^HTTP\/1\.1 4/);
    expect(await raw("\u0016\u0003\u0001 not http\r\n\r\n")).toMatch(/^HTTP\/1\.1 400/);
  });

  test("paths that do not exist are problems, not crashes", async () => {
    for (const path of ["/", "/device/v1/sync/x", "/device/v1/artifacts/..%2f..%2fetc", "/artifacts/parts/a/b/c", "/%ff%fe", "/device/v1/artifacts/"]) {
      expect((await device.call<{ code: string }>(path)).body.code, path).toMatch(/not_found|unauthenticated/);
    }
  });
});
