import { FleetError, type DeviceClass, type EnrollRequest, type Labels } from "@flotilla/protocol";
import { labelsOf } from "../device-labels.ts";
import { sameClass } from "../same-class.ts";

/** Keys that may wait for a person at one device: more would only be noise made by somebody with a token. */
const MAX_PENDING_KEYS = 5;

/** A device of the asked name, and what became of other keys that came with its name: the newest word on each. */
export type KnownDevice = {
  id: string; name: string; publicKey: string; state: "active" | "revoked"; class: DeviceClass; labels: Labels;
  keyChanges: readonly { publicKey: string; state: "pending" | "approved" | "denied" }[];
};

/** An enrolment token that may be used now, `usesLeft` times. */
export type UsableToken = { id: string; labels: Labels; usesLeft: number };

/** What an enrolment comes to. "admit" and "ask" take one use of the token each. */
export type Decision =
  | { kind: "admit"; tokenId: string; labels: Labels }
  | { kind: "known"; device: KnownDevice; hasNewClass: boolean }
  | { kind: "ask"; device: KnownDevice; tokenId: string }
  | { kind: "waits"; device: KnownDevice }
  | { kind: "refuse"; error: FleetError };

/**
 * Decides enrolments in their order; each name stands among them once. `known` by name, `tokens` by their secret and only those that may be used. A token for n devices admits the
 * first n; a device that is known takes no use (its answer may have been lost), and a known name with another key never takes over: it waits for a person.
 */
export function decideEnrolments(requests: readonly EnrollRequest[], known: ReadonlyMap<string, KnownDevice>, tokens: ReadonlyMap<string, UsableToken>): Decision[] {
  const used = new Map<string, number>();
  return requests.map((request) => {
    const token = tokens.get(request.token);
    const usable = token !== undefined && (used.get(token.id) ?? 0) < token.usesLeft ? token : undefined;
    const decision = decideOne(request, known.get(request.name), usable);
    if (decision.kind === "admit" || decision.kind === "ask") used.set(decision.tokenId, (used.get(decision.tokenId) ?? 0) + 1);
    return decision;
  });
}

function decideOne(request: EnrollRequest, device: KnownDevice | undefined, token: UsableToken | undefined): Decision {
  if (device === undefined) return decideNew(request, token);
  if (device.publicKey !== request.publicKey) return decideOtherKey(request, device, token);
  if (device.state === "revoked") return refuse(new FleetError("device_revoked", { public: "This device's credential was withdrawn." }));
  return { kind: "known", device, hasNewClass: !sameClass(device.class, request.class) };
}

function decideNew(request: EnrollRequest, token: UsableToken | undefined): Decision {
  if (token === undefined) return refuse(tokenInvalid());
  try {
    return { kind: "admit", tokenId: token.id, labels: labelsOf(request.class, request.labels, token.labels) };
  } catch (error) {
    if (error instanceof FleetError) return refuse(error);
    throw error;
  }
}

function decideOtherKey(request: EnrollRequest, device: KnownDevice, token: UsableToken | undefined): Decision {
  const same = device.keyChanges.find(({ publicKey }) => publicKey === request.publicKey);
  if (same?.state === "denied") return refuse(new FleetError("forbidden", { public: "A person refused this key for this device." }));
  if (same?.state === "pending") return { kind: "waits", device };
  // Only a token holder may ask: else anybody could fill the list.
  if (token === undefined) return refuse(tokenInvalid());
  if (device.keyChanges.filter(({ state }) => state === "pending").length >= MAX_PENDING_KEYS) {
    return refuse(new FleetError("rate_limited", { public: `${MAX_PENDING_KEYS} keys wait for a decision at this device already.` }));
  }
  return { kind: "ask", device, tokenId: token.id };
}

function refuse(error: FleetError): Decision {
  return { kind: "refuse", error };
}

function tokenInvalid(): FleetError {
  return new FleetError("enrollment_token_invalid", { public: "The enrolment token is unknown, used up, withdrawn or too old. Make a new one under Settings, Enrolment." });
}
