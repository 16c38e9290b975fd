import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { withTx } from "@flotilla/db";
import { createModel, newestChange, recordChange, systemPrincipal } from "@flotilla/fleet";
import { startTestWeb, type TestWeb } from "../testing/test-web.ts";

let web: TestWeb;
beforeAll(async () => {
  web = await startTestWeb();
});
afterAll(() => web.stop());

const opened = new Set<AbortController>();
afterEach(async () => {
  for (const stream of opened) stream.abort();
  opened.clear();
  await vi.waitUntil(() => web.platform.hub.listenerCount === 0);
});

type Message = { id: string | null; event: string; data: unknown };

/** Reads a stream message by message. */
async function open(headers: Record<string, string> = {}, query = ""): Promise<{ answer: Response; next: (event: string) => Promise<Message>; close: () => void }> {
  const gone = new AbortController();
  opened.add(gone);
  const answer = await web.request("GET", `/events${query}`, { headers: { cookie: web.people.viewer.cookie, ...headers }, signal: gone.signal });
  const messages = parse(answer);
  return {
    answer,
    close: () => gone.abort(),
    async next(event) {
      for (;;) {
        const { value, done } = await messages.next();
        if (done === true) throw new Error(`the stream ended before ${event}`);
        if (value.event === event) return value;
      }
    },
  };
}

async function* parse(answer: Response): AsyncGenerator<Message, undefined> {
  let text = "";
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString("utf8");
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const field = (name: string): string | null => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? null;
      if (field("event") !== null) yield { id: field("id"), event: field("event") ?? "", data: JSON.parse(field("data") ?? "null") };
    }
  }
  return undefined;
}

/** The message of one object's change; those of other tests pass by. */
async function changeOf(stream: Awaited<ReturnType<typeof open>>, id: string): Promise<Message> {
  for (;;) {
    const message = await stream.next("change");
    if ((message.data as { id: string }).id === id) return message;
  }
}
const makeModel = (name: string) => withTx(web.db, (tx) => createModel(tx, systemPrincipal("test"), { name }));

test("a page that listens hears of a change by topic and id, and nothing of its content", async () => {
  const stream = await open();
  expect(stream.answer.headers.get("content-type")).toContain("text/event-stream");
  expect(stream.answer.headers.get("cache-control")).toContain("no-transform");
  await stream.next("hello");
  const model = await makeModel("heard");
  const message = await changeOf(stream, model.id);
  expect(message.data).toEqual({ topic: "model", id: model.id, at: expect.any(String) });
  expect(JSON.stringify(message.data)).not.toContain("heard");
  expect(Number(message.id)).toBeGreaterThan(0);
  stream.close();
});

test("a page that comes back hears what it missed, by header or by query", async () => {
  const seen = await newestChange(web.db.prisma);
  const model = await makeModel("missed");
  for (const [headers, query] of [[{ "last-event-id": String(seen) }, ""], [{}, `?after=${seen}`]] as const) {
    const stream = await open(headers, query);
    expect((await changeOf(stream, model.id)).data).toMatchObject({ topic: "model" });
    stream.close();
  }
});

test("a page that was away for too long is told to read everything again", async () => {
  await withTx(web.db, (tx) => recordChange(tx, "job", "job_x"));
  const newest = await newestChange(web.db.prisma);
  const stream = await open({ "last-event-id": String(newest + 1_000_000) });
  // From where it resumes: never past what it was told of, so that nothing is skipped.
  expect(Number((await stream.next("pruned")).id)).toBeLessThanOrEqual(newest);
  stream.close();
});

test("a reader that goes away is forgotten", async () => {
  const stream = await open();
  await stream.next("hello");
  expect(web.platform.hub.listenerCount).toBe(1);
  stream.close();
  await expect.poll(() => web.platform.hub.listenerCount).toBe(0);
});

test("one LISTEN serves every page of the process", async () => {
  const streams = await Promise.all(Array.from({ length: 30 }, () => open()));
  await Promise.all(streams.map((stream) => stream.next("hello")));
  const rows = await web.db.prisma.$queryRawUnsafe<{ n: number }[]>("select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name = 'flotilla listen'");
  expect(rows[0]?.n).toBe(1);
  const model = await makeModel("to all");
  const heard = await Promise.all(streams.map((stream) => changeOf(stream, model.id)));
  expect(heard).toHaveLength(30);
  for (const stream of streams) stream.close();
  await expect.poll(() => web.platform.hub.listenerCount).toBe(0);
});

test("a process that stops ends its streams, so that nothing keeps it", async () => {
  const stream = await open();
  await stream.next("hello");
  await web.platform.hub.close();
  await expect(stream.next("change")).rejects.toThrow("the stream ended");
});

test("nobody listens without signing in", async () => {
  expect((await web.request("GET", "/events")).status).toBe(401);
});
