import { z } from "zod";

/**
 * Every expected failure of the product, with the HTTP status it is answered by and whether the same request
 * can succeed later without being changed. Web, gateway and agent read this one table.
 */
const CODES = {
  // the request itself
  bad_request: { status: 400, retryable: false, title: "The request is not valid" },
  unauthenticated: { status: 401, retryable: false, title: "Sign in first" },
  token_expired: { status: 401, retryable: true, title: "The access token has expired" },
  forbidden: { status: 403, retryable: false, title: "You may not do this" },
  bad_origin: { status: 403, retryable: false, title: "The request comes from another site" },
  not_found: { status: 404, retryable: false, title: "Not found" },
  request_timeout: { status: 408, retryable: true, title: "The request took too long to arrive" },
  conflict: { status: 409, retryable: false, title: "This clashes with something that exists" },
  illegal_transition: { status: 409, retryable: false, title: "Not possible in the present state" },
  version_mismatch: { status: 409, retryable: true, title: "Somebody else changed it first" },
  idempotency_mismatch: { status: 422, retryable: false, title: "Idempotency-Key was used for another request" },
  idempotency_in_progress: { status: 409, retryable: true, title: "The same request is still being handled" },
  payload_too_large: { status: 413, retryable: false, title: "Too large" },
  unsupported_media_type: { status: 415, retryable: false, title: "Send JSON" },
  range_not_satisfiable: { status: 416, retryable: false, title: "No such range" },
  rate_limited: { status: 429, retryable: true, title: "Too many requests" },
  overloaded: { status: 503, retryable: true, title: "Busy; try again" },
  unavailable: { status: 503, retryable: true, title: "A part of the platform is not reachable" },
  insufficient_storage: { status: 507, retryable: true, title: "The artifact store is full" },
  internal: { status: 500, retryable: true, title: "Something broke on our side" },
  // people
  wrong_credentials: { status: 401, retryable: false, title: "E-mail or password is wrong" },
  link_invalid: { status: 410, retryable: false, title: "This link is not valid any more" },
  last_admin: { status: 409, retryable: false, title: "There must be one admin left" },
  // uploads
  upload_incomplete: { status: 409, retryable: false, title: "Parts are missing" },
  upload_mismatch: { status: 422, retryable: false, title: "The bytes are not those that were announced" },
  upload_expired: { status: 410, retryable: false, title: "The upload was given up" },
  upload_ticket_invalid: { status: 403, retryable: false, title: "The upload ticket is not valid" },
  part_invalid: { status: 422, retryable: false, title: "The part does not have the right size" },
  // models and builds
  version_not_ready: { status: 409, retryable: false, title: "The model version is not ready" },
  version_not_offered: { status: 409, retryable: false, title: "The variant is kept for its numbers only" },
  dataset_not_ready: { status: 409, retryable: false, title: "The dataset version is not ready" },
  preprocessing_missing: { status: 409, retryable: false, title: "Nobody has said how an example becomes the model's input" },
  lease_lost: { status: 409, retryable: false, title: "Somebody else has the job now, or it has ended" },
  too_many_points: { status: 422, retryable: false, title: "The training has no room for more points" },
  build_not_ready: { status: 409, retryable: false, title: "The build is not ready" },
  name_taken: { status: 409, retryable: false, title: "The name is taken" },
  // devices
  enrollment_token_invalid: { status: 403, retryable: false, title: "The enrolment token is not valid" },
  proof_invalid: { status: 403, retryable: false, title: "The signature does not fit the key" },
  key_change_pending: { status: 409, retryable: true, title: "The device is known with another key; a person must approve it" },
  device_unknown: { status: 401, retryable: false, title: "The device is not enrolled" },
  device_revoked: { status: 403, retryable: false, title: "The device's credential was withdrawn" },
  protocol_unsupported: { status: 426, retryable: false, title: "The agent is too new for this server" },
  selector_invalid: { status: 400, retryable: false, title: "The label query is not valid" },
  // rollouts
  no_devices: { status: 409, retryable: false, title: "No device can take this build" },
} as const satisfies Record<string, { status: number; retryable: boolean; title: string }>;

export type FleetErrorCode = keyof typeof CODES;

/** HTTP status of each code. */
export function statusOf(code: FleetErrorCode): number {
  return CODES[code].status;
}

/** Whether the same request may succeed later. */
export function isRetryable(code: FleetErrorCode): boolean {
  return CODES[code].retryable;
}

/** All codes, for tests and the OpenAPI document. */
export const fleetErrorCodes = Object.keys(CODES) as FleetErrorCode[];

/** An expected failure. `public` reaches people and devices; `internal` only the log. */
export class FleetError extends Error {
  readonly code: FleetErrorCode;
  readonly public: string;
  readonly internal: string | undefined;
  /** Extra members of the problem document, e.g. `retryAfterMs`. */
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(
    code: FleetErrorCode,
    texts: { public: string; internal?: string; extra?: Readonly<Record<string, unknown>>; cause?: unknown },
  ) {
    super(texts.internal ?? texts.public, texts.cause === undefined ? undefined : { cause: texts.cause });
    this.name = "FleetError";
    this.code = code;
    this.public = texts.public;
    this.internal = texts.internal;
    this.extra = texts.extra ?? {};
  }

  get status(): number {
    return statusOf(this.code);
  }

  get retryable(): boolean {
    return isRetryable(this.code);
  }
}

/** RFC 9457 problem document. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  requestId: z.string(),
});
export type Problem = z.infer<typeof problemSchema>;

/** The body to answer for any thrown value: unknown ones become `internal` without their text. */
export function problemOf(error: unknown, requestId: string): Problem & Record<string, unknown> {
  const known = error instanceof FleetError ? error : undefined;
  const code = known?.code ?? "internal";
  return {
    ...known?.extra,
    type: `urn:flotilla:error:${code}`,
    title: CODES[code].title,
    status: CODES[code].status,
    code,
    detail: known?.public ?? `Something broke on our side. Quote the request id ${requestId} when you report it.`,
    requestId,
  };
}

/** For the `default` of an exhaustive switch. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value ${JSON.stringify(value)}`);
}

/** For what cannot happen unless we made a mistake: a bug, so it is answered as `internal` and its text stays in the log. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}
