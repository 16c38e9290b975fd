import { connect as connectTcp, createServer, type AddressInfo, type Socket } from "node:net";

/** A TCP relay between a program and its database that can fall silent as a network does: open connections stay open, and nothing passes any more. */
export type DatabaseProxy = {
  /** The database's URL, through the relay. */
  readonly url: string;
  /**
   * From now on nothing passes, in neither direction; new connections are accepted and hear nothing. Connections that fell silent the time before end at the server:
   * it would have missed their keep-alive by then, and must not be full of them.
   */
  hush(): void;
  /** New connections pass again. Those from before stay silent, as after a firewall forgot them. */
  heal(): void;
  /**
   * Swallows the answer to the next COMMIT on a connection that sent `marker` in that transaction, and all that follows on it; resolves when the
   * server has answered: the transaction is stored, and who asked for it does not know.
   */
  swallowCommit(marker: string): Promise<void>;
  close(): Promise<void>;
};

/** CommandComplete with the tag COMMIT, and its zero. */
const COMMITTED = Buffer.from("COMMIT\0");

export async function startDatabaseProxy(databaseUrl: string): Promise<DatabaseProxy> {
  const target = new URL(databaseUrl);
  /** With the number of silences there had been when they were opened. */
  const sockets = new Map<Socket, number>();
  let isHushed = false;
  let era = 0;
  let trap: { readonly marker: Buffer; readonly sprung: () => void } | null = null;

  const server = createServer((client) => {
    const born = era;
    let isSwallowing = false;
    let isMarked = false;
    const passes = (): boolean => !isHushed && born === era && !isSwallowing;
    const upstream = connectTcp(Number(target.port), target.hostname);
    client.on("data", (bytes) => {
      if (trap !== null && bytes.includes(trap.marker)) isMarked = true;
      if (passes()) upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      const isCommit = bytes.includes(COMMITTED);
      if (isCommit && isMarked && trap !== null) {
        isSwallowing = true;
        trap.sprung();
        trap = null;
      }
      if (isCommit) isMarked = false;
      if (passes()) client.write(bytes);
    });
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      sockets.set(from, born);
      from.on("error", () => undefined);
      // A silent network does not tell that an end is gone, either.
      from.on("close", () => {
        sockets.delete(from);
        if (passes()) to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    hush() {
      isHushed = true;
      for (const [socket, born] of sockets) if (born < era) socket.destroy();
      era += 1;
    },
    heal() {
      isHushed = false;
    },
    swallowCommit: (marker) => new Promise((sprung) => (trap = { marker: Buffer.from(marker), sprung })),
    async close() {
      for (const socket of sockets.keys()) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
