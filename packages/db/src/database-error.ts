const CONFLICT_CODES = new Set(["40001", "40P01", "P2034"]);

// Before a transaction began: refused, reset, timed out, or the server is starting or stopping.
const CONNECTION_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "08000",
  "08001",
  "08003",
  "08004",
  "08006",
  "53300",
  "57P01",
  "57P02",
  "57P03",
  "P1001",
  "P1002",
  "P1008",
  "P1017",
  "P2037",
]);

const CONNECTION_MESSAGES = /Connection terminated|connection timeout|timeout exceeded when trying to connect|Client has encountered a connection error/i;

/** The SQLSTATE, Node or Prisma code of a database error, from however deep it was wrapped. */
export function driverCode(error: unknown): string | undefined {
  const codes = codesOf(error);
  return codes.find((code) => /^[0-9A-Z]{5}$/.test(code) && !/^P\d{4}$/.test(code)) ?? codes[0];
}

/** True for errors that say: another transaction was faster, run this one again. */
export function isSerializationConflict(error: unknown): boolean {
  return codesOf(error).some((code) => CONFLICT_CODES.has(code));
}

/** True when the server could not be reached or went away. Says nothing about whether work was done. */
export function isConnectionLoss(error: unknown): boolean {
  if (codesOf(error).some((code) => CONNECTION_CODES.has(code))) return true;
  return chainOf(error).some((link) => typeof link["message"] === "string" && CONNECTION_MESSAGES.test(link["message"]));
}

function codesOf(error: unknown): string[] {
  return chainOf(error).flatMap((link) =>
    [link["originalCode"], link["code"]].filter((code): code is string => typeof code === "string"),
  );
}

/** The error and what it wraps: `cause`, Prisma's `meta.driverAdapterError`, the parts of an AggregateError. */
function chainOf(error: unknown): Record<string, unknown>[] {
  const found: Record<string, unknown>[] = [];
  const visit = (value: unknown, depth: number): void => {
    if (typeof value !== "object" || value === null || depth > 6) return;
    const link = value as Record<string, unknown>;
    found.push(link);
    visit(link["cause"], depth + 1);
    visit(link["driverAdapterError"], depth + 1);
    visit(link["meta"], depth + 1);
    if (Array.isArray(link["errors"])) link["errors"].forEach((part) => visit(part, depth + 1));
  };
  visit(error, 0);
  return found;
}
