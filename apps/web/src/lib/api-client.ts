/** What the operator API answers when it does not do what was asked (RFC 9457). */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  /** The same request may succeed later. */
  readonly retryable: boolean;
  /** Which fields are wrong, when the request was not valid. */
  readonly faults: readonly { path: string; message: string }[];

  constructor(status: number, body: { code?: string; title?: string; detail?: string; requestId?: string; faults?: { path: string; message: string }[] }) {
    super(body.detail ?? body.title ?? `The server answered ${status}.`);
    this.name = "ApiProblem";
    this.status = status;
    this.code = body.code ?? "internal";
    this.requestId = body.requestId ?? null;
    this.retryable = status >= 500 || status === 429;
    this.faults = body.faults ?? [];
  }
}

/** Reads from /api/v1. Throws ApiProblem, or TypeError when nothing answered. */
export async function apiGet<T>(path: string, signal?: AbortSignal): Promise<T> {
  return read<T>(await fetch(`/api/v1${path}`, { credentials: "same-origin", ...(signal && { signal }) }));
}

/**
 * Changes something through /api/v1. Every call carries an Idempotency-Key: give the same one again to repeat a call of
 * which no answer came.
 */
export async function apiSend<T>(
  method: "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body?: unknown,
  options: { idempotencyKey?: string; signal?: AbortSignal } = {},
): Promise<T> {
  const headers: Record<string, string> = { "idempotency-key": options.idempotencyKey ?? newIdempotencyKey() };
  if (body !== undefined) headers["content-type"] = "application/json";
  return read<T>(
    await fetch(`/api/v1${path}`, {
      method,
      headers,
      credentials: "same-origin",
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(options.signal && { signal: options.signal }),
    }),
  );
}

/** A random key; also where `crypto.randomUUID` is missing because the page came over plain HTTP from another machine. */
export function newIdempotencyKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** One sentence for people about anything that was thrown, with the request id where there is one. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiProblem) return error.status >= 500 && error.requestId !== null && !error.message.includes(error.requestId) ? `${error.message} (${error.requestId})` : error.message;
  if (error instanceof TypeError) return "The server does not answer. Check the connection and try again.";
  return error instanceof Error ? error.message : String(error);
}

async function read<T>(answer: Response): Promise<T> {
  const text = await answer.text();
  let body: unknown;
  try {
    body = text === "" ? {} : JSON.parse(text);
  } catch {
    body = {};
  }
  if (!answer.ok) throw new ApiProblem(answer.status, body as object);
  return body as T;
}
