import { createServer, request as httpRequest, Agent, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Seeded } from "./seeded.ts";

/** A bad network between devices and a gateway that may change its address. */
export type FaultProxy = {
  readonly url: string;
  /** Null: nobody is there. */
  setUpstream(url: string | null): void;
  readonly counts: { requests: number; lostRequests: number; lostAnswers: number; doubled: number; late: number };
  close(): Promise<void>;
};

/** Shares of syncs: never arrive; arrive and the answer is lost; arrive twice at once; arrive again long after, behind newer ones. */
const SHARES = { lostRequest: 0.06, lostAnswer: 0.06, doubled: 0.08, late: 0.1 } as const;

type Call = { method: string; path: string; headers: IncomingMessage["headers"]; body: Buffer };

/** `shares`: see above; null lets everything pass. */
export async function startFaultProxy(random: Seeded, shares: typeof SHARES | null = SHARES): Promise<FaultProxy> {
  let upstream: string | null = null;
  const counts = { requests: 0, lostRequests: 0, lostAnswers: 0, doubled: 0, late: 0 };
  const agent = new Agent({ keepAlive: true });
  const replays = new Set<NodeJS.Timeout>();
  const forward = (call: Call): Promise<{ status: number; type: string; body: Buffer }> =>
    new Promise((resolve, reject) => {
      if (upstream === null) return reject(new Error("no upstream"));
      const out = httpRequest(new URL(call.path, upstream), { method: call.method, headers: call.headers, agent }, (answer) => {
        collect(answer).then((body) => resolve({ status: answer.statusCode ?? 502, type: answer.headers["content-type"] ?? "", body }), reject);
      });
      out.on("error", reject);
      out.end(call.body);
    });
  const ignoring = (call: Call): void => void forward(call).catch(() => undefined);

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const call: Call = { method: req.method ?? "GET", path: req.url ?? "/", headers: { ...req.headers, connection: "keep-alive" }, body: await collect(req) };
    const luck = shares !== null && call.path === "/device/v1/sync" ? random.uniform() : 1;
    counts.requests += 1;
    const { lostRequest, lostAnswer, doubled, late } = SHARES;
    if (luck < lostRequest) {
      counts.lostRequests += 1;
      return void req.socket.destroy();
    }
    if (luck >= lostRequest + lostAnswer && luck < lostRequest + lostAnswer + doubled) {
      counts.doubled += 1;
      ignoring(call);
    }
    if (luck >= lostRequest + lostAnswer + doubled && luck < lostRequest + lostAnswer + doubled + late) {
      counts.late += 1;
      const timer = setTimeout(() => {
        replays.delete(timer);
        ignoring(call);
      }, random.between(100, 3_000));
      replays.add(timer);
    }
    const answer = await forward(call);
    if (luck >= lostRequest && luck < lostRequest + lostAnswer) {
      counts.lostAnswers += 1;
      return void req.socket.destroy();
    }
    res.writeHead(answer.status, { "content-type": answer.type, "content-length": answer.body.length }).end(answer.body);
  }

  const server = createServer((req, res) => void serve(req, res).catch(() => req.socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    setUpstream: (url) => (upstream = url),
    counts,
    async close() {
      for (const timer of replays) clearTimeout(timer);
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
