import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { memoryFs } from "../testing/memory-fs.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import type { Access } from "./access.ts";
import { createBlobs } from "./blobs.ts";
import { createDisk } from "./disk.ts";
import { createGatewayClient } from "./gateway-client.ts";
import { createNet } from "./net.ts";
import { seededRandom } from "./random.ts";

// Downloads over real HTTP from a server that misbehaves: in the end the right bytes are there, or none under the artifact's name.

const SIZE = 150_000;
const random = seededRandom(5);
const GOOD = Uint8Array.from({ length: SIZE }, () => Math.floor(random.uniform() * 256));
const OTHER = GOOD.map((byte) => byte ^ 0xff);
const SHA256 = createHash("sha256").update(GOOD).digest("hex");

type Asked = { readonly from: number; readonly isRange: boolean };
/** What the server says to one request. Bytes beyond `cutAfter` are not sent: the connection breaks. */
type Answer = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: Uint8Array; readonly cutAfter?: number } | "hang up";
type Script = (asked: Asked) => Answer;

const honest: Script = ({ from, isRange }) =>
  isRange
    ? { status: 206, headers: { etag: `"${SHA256}"`, "content-range": `bytes ${from}-${SIZE - 1}/${SIZE}` }, body: GOOD.subarray(from) }
    : { status: 200, headers: { etag: `"${SHA256}"` }, body: GOOD };

const cut = (script: Script, after: number): Script => (asked) => ({ ...(script(asked) as Exclude<Answer, "hang up">), cutAfter: after });
const always = (answer: Answer): Script => () => answer;
const headersOf = (script: Script, headers: Record<string, string>): Script => (asked) => {
  const answer = script(asked) as Exclude<Answer, "hang up">;
  return { ...answer, headers: { ...answer.headers, ...headers } };
};
const bodyOf = (script: Script, change: (body: Uint8Array) => Uint8Array): Script => (asked) => {
  const answer = script(asked) as Exclude<Answer, "hang up">;
  return { ...answer, body: change(answer.body ?? new Uint8Array()) };
};
const whole: Script = () => honest({ from: 0, isRange: false });

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Fetches the artifact from a server that follows the script, request by request, and repeats its last line for ever. */
async function download(script: readonly Script[]): Promise<{ outcome: string; sentBytes: number; requests: number; onDisk: Uint8Array | undefined; stray: string[] }> {
  let requests = 0;
  let sentBytes = 0;
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
    const answer = (script[Math.min(requests, script.length - 1)] ?? honest)({ from: Number(from ?? 0), isRange: from !== undefined });
    requests += 1;
    if (answer === "hang up") return void request.socket.destroy();
    const body = answer.body ?? new Uint8Array();
    const sent = body.subarray(0, answer.cutAfter ?? body.length);
    sentBytes += sent.length;
    response.writeHead(answer.status, { "content-length": String(body.length), ...answer.headers });
    if (sent.length === body.length) response.end(body);
    else if (sent.length === 0) request.socket.destroySoon();
    else response.write(sent, () => request.socket.destroySoon());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const net = createNet(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  closers.push(async () => {
    await net.close();
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const fs = memoryFs();
  const clock = new VirtualClock();
  const access = { withToken: (call: (token: string) => Promise<unknown>) => call("token") } as unknown as Access;
  const blobs = createBlobs({ disk: createDisk("/data", fs), access, client: createGatewayClient(net, clock), clock, random: seededRandom(1), log: pino({ level: "silent" }) });
  const outcome = await blobs.fetch({ sha256: SHA256, sizeBytes: SIZE }, { signal: new AbortController().signal }).then(() => "right", (error: { code?: string }) => error.code ?? String(error));
  return { outcome, sentBytes, requests, onDisk: fs.files.get(`/data/blobs/${SHA256}`), stray: [...fs.files.keys()].filter((name) => name !== `/data/blobs/${SHA256}` && !name.endsWith(".part")) };
}

const HALF = 70_000;
const ENDS_WELL: Record<string, Script[]> = {
  "truncated once": [cut(honest, HALF), honest],
  "truncated before the first byte": [cut(honest, 0), honest],
  "truncated one byte before the end": [cut(honest, SIZE - 1), honest],
  "garbled once": [bodyOf(honest, (body) => body.map((byte, i) => (i === 9_000 ? byte ^ 1 : byte))), honest],
  "garbled before the cut": [cut(bodyOf(honest, (body) => body.map((byte) => byte ^ 4)), HALF), honest],
  "garbled after the cut": [cut(honest, HALF), bodyOf(honest, (body) => body.map((byte) => byte ^ 4)), honest],
  "shorter the second time": [cut(honest, HALF), headersOf(bodyOf(honest, (body) => body.subarray(0, body.length - 100)), { "content-range": `bytes ${HALF}-${SIZE - 101}/${SIZE - 100}` }), honest],
  "a rest that ends early without saying so": [cut(honest, HALF), bodyOf(honest, (body) => body.subarray(0, body.length - 100)), honest],
  "longer the second time": [cut(honest, HALF), headersOf(bodyOf(honest, (body) => Buffer.concat([body, Buffer.alloc(100)])), { "content-range": `bytes ${HALF}-${SIZE + 99}/${SIZE + 100}` }), honest],
  "another entity tag in the middle, as a whole": [cut(honest, HALF), always({ status: 200, headers: { etag: '"other"' }, body: OTHER }), honest],
  "another entity tag in the middle, as a part": [cut(honest, HALF), headersOf(honest, { etag: '"other"' }), honest],
  "a weak entity tag": [cut(honest, HALF), headersOf(honest, { etag: `W/"${SHA256}"` }), honest],
  "a wrong total": [cut(honest, HALF), headersOf(honest, { "content-range": `bytes ${HALF}-${SIZE - 1}/${SIZE + 7}` }), honest],
  "an unknown total": [cut(honest, HALF), headersOf(honest, { "content-range": `bytes ${HALF}-${SIZE - 1}/*` })],
  "a part that starts elsewhere": [cut(honest, HALF), headersOf(honest, { "content-range": `bytes ${HALF - 10}-${SIZE - 1}/${SIZE}` }), honest],
  "a part that starts at nought": [cut(honest, HALF), always({ status: 206, headers: { "content-range": `bytes 0-${SIZE - 1}/${SIZE}` }, body: GOOD }), honest],
  "a part without a range": [cut(honest, HALF), (asked) => ({ ...(honest(asked) as Exclude<Answer, "hang up">), headers: {} }), honest],
  "a part that nobody asked for": [always({ status: 206, headers: { "content-range": `bytes 10-${SIZE - 1}/${SIZE}` }, body: GOOD.subarray(10) }), honest],
  "a range of nonsense": [cut(honest, HALF), headersOf(honest, { "content-range": "bytes 99999999999999999999-5/x" }), honest],
  "several parts at once": [cut(honest, HALF), headersOf(honest, { "content-type": "multipart/byteranges; boundary=x", "content-range": "" }), honest],
  "416 to a range that is right": [cut(honest, HALF), always({ status: 416, headers: { "content-range": `bytes */${SIZE}` } }), honest],
  "the whole instead of the rest": [cut(honest, HALF), whole],
  "the whole instead of the rest, cut again and again": [cut(honest, HALF), cut(whole, HALF + 10), cut(whole, 100), honest],
  "a server that knows no ranges and no tags": [cut(whole, HALF), always({ status: 200, body: GOOD })],
  "hung up, busy, broken, then well": [always("hang up"), always({ status: 503, headers: { "retry-after": "1" } }), always({ status: 500 }), always({ status: 429 }), honest],
  "redirected once": [always({ status: 307, headers: { location: "/elsewhere" } }), honest],
  "redirected in the middle": [cut(honest, HALF), always({ status: 302, headers: { location: "/elsewhere" } }), honest],
};

test.each(Object.entries(ENDS_WELL))("a download that is %s ends with the right bytes", async (_what, script) => {
  const { outcome, onDisk, stray } = await download(script);
  expect(outcome).toBe("right");
  expect(onDisk === undefined ? null : createHash("sha256").update(onDisk).digest("hex")).toBe(SHA256);
  expect(stray).toEqual([]);
});

const NEVER_RIGHT: Record<string, [code: string, Script]> = {
  "always garbled": ["digest_mismatch", bodyOf(honest, (body) => body.map((byte) => byte ^ 2))],
  "always another artifact of that size": ["digest_mismatch", always({ status: 200, body: OTHER })],
  "always longer": ["download", always({ status: 200, body: Buffer.concat([GOOD, Buffer.alloc(10)]) })],
  "always shorter": ["download", always({ status: 200, body: GOOD.subarray(0, SIZE - 10) })],
  "always tagged as another one": ["download", always({ status: 200, headers: { etag: '"other"' }, body: GOOD })],
  "always 416": ["download", always({ status: 416, headers: { "content-range": `bytes */${SIZE}` } })],
  "always 404": ["download", always({ status: 404 })],
  "always redirected on": ["download", always({ status: 307, headers: { location: "/round" } })],
};

test.each(Object.entries(NEVER_RIGHT))("a download that is %s is refused, and nothing lies under the artifact's name", async (_what, [code, script]) => {
  const { outcome, onDisk } = await download([script]);
  expect(outcome).toBe(code);
  expect(onDisk).toBeUndefined();
});

test("twenty outages in the middle of a download cost at most a tenth of its bytes again", async () => {
  const dice = seededRandom(20);
  const outages = Array.from({ length: 20 }, (): Script[] => [cut(honest, 1 + Math.floor(dice.uniform() * 7_000)), always("hang up")]).flat();
  const { outcome, sentBytes, requests } = await download([...outages, honest]);
  expect(outcome).toBe("right");
  process.stdout.write(`download with 20 outages: ${SIZE} bytes, ${sentBytes} sent in ${requests} requests, ${(((sentBytes - SIZE) / SIZE) * 100).toFixed(2)} % again\n`);
  expect(sentBytes).toBeLessThanOrEqual(SIZE * 1.1);
});
