import { expect, test, vi } from "vitest";
import type { UploadView } from "@flotilla/fleet";
import type { RememberedUpload } from "./transfer-plan.ts";
import { TransferProblem, UploadEngine, type UploadPorts } from "./upload-engine.ts";

const PART = 10;

/** A server with parts of ten bytes, a line that can break, and a browser that remembers. */
class World {
  received = new Map<string, Set<number>>();
  puts: number[] = [];
  hashes = 0;
  tickets = 0;
  waits: number[] = [];
  kept: RememberedUpload[] = [];
  state: "open" | "complete" = "open";
  /** Called before each part is taken; throws what the line does. */
  onPut: (n: number, signal: AbortSignal) => Promise<void> = async () => undefined;
  onCreate: () => void = () => undefined;
  onComplete: () => void = () => undefined;

  view(sizeBytes: number, duplicate = false): UploadView {
    const parts = [...(this.received.get("upl_1") ?? [])];
    return {
      uploadId: "upl_1", filename: "m.onnx", sizeBytes, sha256: "s", partSizeBytes: PART, partCount: Math.ceil(sizeBytes / PART), state: this.state, failure: null, receivedParts: parts,
      partUrl: this.state === "open" ? `/t${this.tickets++}` : null, duplicate,
    };
  }

  engine(): UploadEngine {
    const ports: UploadPorts = {
      hash: async (file, onProgress) => {
        this.hashes += 1;
        onProgress(file.size);
        return "s";
      },
      create: async ({ sizeBytes }) => {
        this.onCreate();
        return this.view(sizeBytes, this.state === "complete");
      },
      find: async () => this.view(35),
      complete: async () => {
        this.onComplete();
        this.state = "complete";
        return this.view(35);
      },
      sendPart: async (url, bytes, onProgress, signal) => {
        const n = Number(url.split("/").at(-1));
        await this.onPut(n, signal);
        if (signal.aborted) throw signal.reason;
        onProgress(bytes.size);
        this.puts.push(n);
        const parts = this.received.get("upl_1") ?? new Set<number>();
        this.received.set("upl_1", parts.add(n));
      },
      wait: async (ms, signal) => {
        this.waits.push(ms);
        if (signal.aborted) throw signal.reason;
      },
      now: () => 1_000,
      random: () => 1,
      remembered: () => this.kept,
      remember: (uploads) => {
        this.kept = [...uploads];
      },
    };
    return new UploadEngine(ports);
  }
}

const file = (size = 35, name = "m.onnx"): File => new File([new Uint8Array(size)], name, { lastModified: 7 });
const only = (engine: UploadEngine) => engine.items()[0] ?? expect.fail("no item");
const until = (engine: UploadEngine, phase: string) => vi.waitFor(() => expect(only(engine).phase).toBe(phase));

test("a file goes: hashed once, every part once, completed", async () => {
  const world = new World();
  const engine = world.engine();
  engine.add([file()]);
  await until(engine, "done");
  expect(world.puts.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
  expect(world.hashes).toBe(1);
  expect(only(engine)).toMatchObject({ sentBytes: 35, duplicate: false, uploadId: "upl_1" });
  expect(world.kept).toEqual([]);
});

test("bytes that are there already are not sent", async () => {
  const world = new World();
  world.state = "complete";
  const engine = world.engine();
  engine.add([file()]);
  await until(engine, "done");
  expect(world.puts).toEqual([]);
  expect(only(engine).duplicate).toBe(true);
});

test("a broken line is waited for, longer each time, and only the missing is sent", async () => {
  const world = new World();
  let failures = 3;
  world.onPut = async (n) => {
    if (n === 3 && failures-- > 0) throw new TransferProblem("The connection is lost.", { passes: true });
  };
  const engine = world.engine();
  engine.add([file()]);
  await until(engine, "done");
  expect(world.waits).toEqual([1_000, 2_000, 4_000]);
  expect(world.puts.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
});

test("a ticket that ran out is renewed, and nothing is sent twice", async () => {
  const world = new World();
  let isOver = true;
  world.onPut = async () => {
    if (!isOver) return;
    isOver = false;
    throw new TransferProblem("Its time is over.", { passes: false, code: "upload_ticket_invalid" });
  };
  const engine = world.engine();
  engine.add([file()]);
  await until(engine, "done");
  expect(world.puts.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
  expect(world.tickets).toBeGreaterThan(1);
});

test("paused means that nothing moves; going on sends the rest", async () => {
  const world = new World();
  const engine = world.engine();
  world.onPut = (n, signal) => (n < 3 ? Promise.resolve() : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))));
  engine.add([file()]);
  await vi.waitFor(() => expect(world.puts).toHaveLength(2));
  engine.pause(only(engine).key);
  expect(only(engine)).toMatchObject({ paused: true, sentBytes: 20 });
  world.onPut = async () => undefined;
  engine.resume(only(engine).key);
  await until(engine, "done");
  expect(world.puts.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
  expect(world.hashes).toBe(1);
});

test("after a reload the same file goes on, without being hashed again; another file does not take its place", async () => {
  const world = new World();
  const before = world.engine();
  world.onPut = (n, signal) => (n < 3 ? Promise.resolve() : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))));
  before.add([file()]);
  await vi.waitFor(() => expect(world.puts).toHaveLength(2));
  before.pause(only(before).key);
  world.onPut = async () => undefined;

  const after = world.engine();
  expect(only(after)).toMatchObject({ phase: "needs_file", filename: "m.onnx" });
  after.add([file(36)]);
  expect(after.items()).toHaveLength(2);
  after.remove(after.items()[1]?.key ?? "");
  after.add([file()]);
  await until(after, "done");
  expect(world.hashes).toBeLessThanOrEqual(2);
  expect(after.items()).toHaveLength(1);
  expect(world.puts.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
});

test("what the server refuses is a failure with its reason, and can be tried again", async () => {
  const world = new World();
  world.onComplete = () => {
    throw new TransferProblem("The bytes are not those that were announced.", { passes: false, code: "upload_mismatch" });
  };
  const engine = world.engine();
  engine.add([file()]);
  await until(engine, "failed");
  expect(only(engine).problem).toBe("The bytes are not those that were announced.");
  world.onComplete = () => undefined;
  engine.resume(only(engine).key);
  await until(engine, "done");
});

test("parts that the server has lost are sent again", async () => {
  const world = new World();
  let lost = true;
  world.onComplete = () => {
    if (!lost) return;
    lost = false;
    world.received.get("upl_1")?.delete(2);
    throw new TransferProblem("1 of 4 parts are missing: 2.", { passes: false, code: "upload_incomplete" });
  };
  const engine = world.engine();
  engine.add([file()]);
  await until(engine, "done");
  expect(world.puts.toSorted((a, b) => a - b)).toEqual([1, 2, 2, 3, 4]);
});

test("the same file dropped twice is sent once, and an empty one is refused at once", async () => {
  const world = new World();
  const engine = world.engine();
  engine.add([file(), file()]);
  engine.add([file()]);
  expect(engine.items()).toHaveLength(1);
  await until(engine, "done");
  engine.add([file(0, "empty.onnx")]);
  await vi.waitFor(() => expect(engine.items()[1]).toMatchObject({ phase: "failed", problem: "The file is empty." }));
});

test("a removed upload does not come back with a late answer", async () => {
  const world = new World();
  const engine = world.engine();
  world.onPut = (_n, signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
  engine.add([file()]);
  await until(engine, "sending");
  engine.remove(only(engine).key);
  expect(engine.items()).toEqual([]);
  expect(world.kept).toEqual([]);
});
