import type { Socket } from "node:net";
import type pg from "pg";

/**
 * Gives the connection up, with an error that reads as a lost connection, once a statement on it was sent and nothing at all came back for
 * `silenceMs`: the other side is gone without a word (a pulled cable, a firewall that forgot, a frozen host), and TCP alone would wait for a
 * quarter of an hour. Statements that run longer than that look the same, so `silenceMs` must be above the longest. Takes a connected client.
 */
export function endWhenSilent(client: pg.ClientBase, silenceMs: number): void {
  // Not in pg's types, but the same since its first versions; with TLS it is the encrypted stream.
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter & { stream: Socket } };
  const { stream } = connection;
  let timer: NodeJS.Timeout | null = null;
  const giveUp = (): void => void stream.destroy(Object.assign(new Error(`Connection terminated: no answer from the database within ${silenceMs} ms`), { code: "ETIMEDOUT" }));
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = ((...args: unknown[]) => {
    timer ??= setTimeout(giveUp, silenceMs).unref();
    return write(...args);
  }) as Socket["write"];
  stream.on("data", () => timer?.refresh());
  connection.on("readyForQuery", settle);
  stream.once("close", settle);

  function settle(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  }
}
