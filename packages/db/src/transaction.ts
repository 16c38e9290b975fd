import { setTimeout as delay } from "node:timers/promises";
import type { Db } from "./connect.ts";
import type { Prisma } from "./generated/prisma/client.ts";
import { driverCode, isConnectionLoss, isSerializationConflict } from "./database-error.ts";

/** The client inside a transaction: what domain functions are handed. */
export type Tx = Prisma.TransactionClient;

export type TransactionOptions = {
  isolation?: "ReadCommitted" | "RepeatableRead" | "Serializable";
  /** The transaction is rolled back when it takes longer; default 15 s. */
  timeoutMs?: number;
};

const DEFAULT_TIMEOUT_MS = 15_000;
const MAX_WAIT_FOR_CONNECTION_MS = 10_000;
const MAX_ATTEMPTS = 5;

/**
 * Runs `fn` in one transaction: committed when it resolves, rolled back when it throws.
 * `fn` may run again after a serialization failure or deadlock (40001, 40P01), or when the connection was lost
 * before `fn` began; so it must do nothing outside the transaction. The fifth failure is thrown.
 */
export async function withTx<T>(db: Db, fn: (tx: Tx) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
  return retryTransaction((began) =>
    db.prisma.$transaction(
      (tx) => {
        began();
        return fn(tx);
      },
      {
        timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
        maxWait: MAX_WAIT_FOR_CONNECTION_MS,
        ...(options.isolation && { isolationLevel: options.isolation }),
      },
    ),
  );
}

/** The retry rule that `withTx` and `withSql` share. `run` calls `began` right before the caller's code starts. */
export async function retryTransaction<T>(run: (began: () => void) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    let hasBegun = false;
    try {
      return await run(() => {
        hasBegun = true;
      });
    } catch (error) {
      const mayRetry = isSerializationConflict(error) || (!hasBegun && isConnectionLoss(error));
      if (!mayRetry || attempt === MAX_ATTEMPTS) throw error;
      await delay(retryDelayMs(attempt, driverCode(error)));
    }
  }
}

/** Conflicts clear up within milliseconds; a server that is coming up needs longer. Half of it is random. */
function retryDelayMs(attempt: number, code: string | undefined): number {
  const baseMs = code === "40001" || code === "40P01" || code === "P2034" ? 10 : 100;
  const capMs = baseMs * 2 ** attempt;
  return capMs / 2 + Math.random() * (capMs / 2);
}
