// The devices' side, as a process of its own: kept-alive raw sockets, requests made beforehand, so that it takes little of
// the two cores that it shares with what it measures. Its orders come as one JSON line each, its results go back the same way.
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { benchToken, nextSeq, syncBytes, type SyncBytes } from "./sync-requests.ts";

/** What a run is to do. `ratePerSecond` null: closed loop, each connection sends again as soon as it is answered. */
export type LoadOrder = {
  url: string; path: string; secret: string; deviceIds: string[]; connections: number; ratePerSecond: number | null; seconds: number; warmUpSeconds: number;
  /** The warm-up lasts until so many were answered, at least. */
  warmUpAnswers: number;
  /** Another name in front of a device's run keeps its ledger going from run to run. */
  ledger: string;
};
export type LoadResult = { answered: number; refused: number; wrong: number; broken: number; seconds: number; cpuSeconds: number; msP50: number; msP99: number; msP999: number };

type Connection = { socket: Socket; devices: SyncBytes[]; turn: number; expected: number; intendedMs: number; isBusy: boolean; rest: string };

const TICK_MS = 1;
/** Sequence numbers of devices go on from run to run. */
const ledgers = new Map<string, Map<string, SyncBytes>>();

async function run(order: LoadOrder): Promise<LoadResult> {
  const { hostname, port, host } = new URL(order.url);
  const known = ledgers.get(order.ledger) ?? new Map<string, SyncBytes>();
  ledgers.set(order.ledger, known);
  const devices = order.deviceIds.map((deviceId, index) => {
    const sync = known.get(deviceId) ?? syncBytes({ path: order.path, host, deviceId, token: benchToken(order.secret, deviceId), index, seq: 0 });
    known.set(deviceId, sync);
    return sync;
  });
  const connections = await Promise.all(Array.from({ length: Math.min(order.connections, devices.length) }, (_, i) => open(hostname, Number(port), devices.filter((_, n) => n % order.connections === i))));
  const load = new Load(order, connections);
  await load.run();
  for (const { socket } of connections) socket.destroy();
  return load.result();
}

function open(host: string, port: number, devices: SyncBytes[]): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => resolve({ socket, devices, turn: 0, expected: 0, intendedMs: 0, isBusy: false, rest: "" }));
    socket.once("error", reject);
  });
}

class Load {
  readonly #order: LoadOrder;
  readonly #connections: Connection[];
  readonly #idle: Connection[] = [];
  /** Intended starts (open loop) that found no free connection. */
  readonly #late: number[] = [];
  readonly #latencies: number[] = [];
  #counts = { answered: 0, refused: 0, wrong: 0, broken: 0 };
  #all = 0;
  #isMeasuring = false;
  #isOver = false;
  #measured = { seconds: 0, cpuSeconds: 0 };

  constructor(order: LoadOrder, connections: Connection[]) {
    this.#order = order;
    this.#connections = connections;
    for (const connection of connections) {
      connection.socket.setEncoding("latin1");
      connection.socket.on("data", (text: unknown) => this.#onData(connection, text as string));
      connection.socket.on("error", () => undefined);
      connection.socket.on("close", () => {
        if (!this.#isOver) this.#counts.broken += 1;
      });
    }
  }

  async run(): Promise<void> {
    const { warmUpSeconds, seconds, ratePerSecond } = this.#order;
    const ticking = ratePerSecond === null ? undefined : this.#startSchedule(ratePerSecond);
    if (ratePerSecond === null) for (const connection of this.#connections) this.#send(connection, performance.now());
    else this.#idle.push(...this.#connections);
    await new Promise((resolve) => setTimeout(resolve, warmUpSeconds * 1000));
    while (this.#all < this.#order.warmUpAnswers) await new Promise((resolve) => setTimeout(resolve, 20));
    this.#isMeasuring = true;
    this.#counts = { answered: 0, refused: 0, wrong: 0, broken: 0 };
    const [beganMs, cpuBefore] = [performance.now(), process.cpuUsage()];
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    this.#isMeasuring = false;
    this.#isOver = true;
    clearInterval(ticking);
    const cpu = process.cpuUsage(cpuBefore);
    this.#measured = { seconds: (performance.now() - beganMs) / 1000, cpuSeconds: (cpu.user + cpu.system) / 1e6 };
    await new Promise((resolve) => setTimeout(resolve, 300));
  }

  result(): LoadResult {
    const sorted = Float64Array.from(this.#latencies).toSorted();
    const at = (q: number): number => sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN;
    return { ...this.#counts, ...this.#measured, msP50: at(0.5), msP99: at(0.99), msP999: at(0.999) };
  }

  /** A fixed schedule: what is late counts from when it should have begun, so a stall shows in every request behind it. */
  #startSchedule(ratePerSecond: number): NodeJS.Timeout {
    const gapMs = 1000 / ratePerSecond;
    let nextMs = performance.now();
    return setInterval(() => {
      for (const nowMs = performance.now(); nextMs <= nowMs; nextMs += gapMs) {
        const connection = this.#idle.shift();
        if (connection) this.#send(connection, nextMs);
        else this.#late.push(nextMs);
      }
    }, TICK_MS);
  }

  #send(connection: Connection, intendedMs: number): void {
    const device = connection.devices[connection.turn];
    if (device === undefined) return;
    connection.expected = nextSeq(device);
    connection.intendedMs = intendedMs;
    connection.isBusy = true;
    connection.socket.write(device.bytes);
  }

  #onData(connection: Connection, chunk: string): void {
    const text = connection.rest === "" ? chunk : connection.rest + chunk;
    if (!isWhole(text)) {
      connection.rest = text;
      return;
    }
    connection.rest = "";
    this.#onAnswer(connection, text);
  }

  #onAnswer(connection: Connection, text: string): void {
    const isOk = text.startsWith("HTTP/1.1 200");
    if (isOk) this.#all += 1;
    else this.#redo(connection);
    if (this.#isMeasuring) {
      if (!isOk) this.#counts.refused += 1;
      else if (this.#order.path === "/echo" || text.includes(`"seq":${connection.expected}}`)) this.#counts.answered += 1;
      else this.#counts.wrong += 1;
      if (isOk) this.#latencies.push(performance.now() - connection.intendedMs);
    }
    connection.isBusy = false;
    connection.turn = (connection.turn + 1) % connection.devices.length;
    if (this.#isOver) return;
    if (this.#order.ratePerSecond === null) this.#send(connection, performance.now());
    else {
      const intendedMs = this.#late.shift();
      if (intendedMs === undefined) this.#idle.push(connection);
      else this.#send(connection, intendedMs);
    }
  }

  /** What was refused is not in the ledger: the device sends the same number again. */
  #redo(connection: Connection): void {
    const device = connection.devices[connection.turn];
    if (device) device.seq -= 1;
  }
}

/** Whether an answer has come to its end, by its length or by its last chunk. */
function isWhole(text: string): boolean {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return false;
  const lengthAt = text.search(/content-length: /i);
  if (lengthAt >= 0 && lengthAt < headEnd) return text.length >= headEnd + 4 + Number.parseInt(text.slice(lengthAt + 16, lengthAt + 24), 10);
  return text.endsWith("\r\n0\r\n\r\n");
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line) as LoadOrder))}\n`);
}
