import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EnrollRequest } from "@flotilla/protocol";
import { decideEnrolments, type KnownDevice, type UsableToken } from "./decide.ts";

const deviceClass = { name: "pi4", arch: "arm64", isa: [], runtime: { name: "ort", version: "1" }, executionProvider: "cpu", memoryBytes: 1, simulated: true };
const asked = (name: string, more: Partial<EnrollRequest> = {}): EnrollRequest => ({ protocol: 1, token: "t", name, publicKey: `key of ${name}`, class: deviceClass, labels: {}, nonce: "n", signature: "s", ...more });
const known = (name: string, more: Partial<KnownDevice> = {}): KnownDevice => ({ id: `dev_${name}`, name, publicKey: `key of ${name}`, state: "active", class: deviceClass, labels: {}, keyChanges: [], ...more });
const tokensOf = (usesLeft: number): Map<string, UsableToken> => new Map([["t", { id: "ent_1", labels: { site: "lab" }, usesLeft }]]);
const decide = (requests: EnrollRequest[], devices: KnownDevice[] = [], tokens = tokensOf(100)) =>
  decideEnrolments(requests, new Map(devices.map((device) => [device.name, device])), tokens).map((decision) => (decision.kind === "refuse" ? decision.error.code : decision.kind));

describe("a token that runs out within a batch", () => {
  test("admits exactly as many new devices as it has uses left, the first ones", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("new", "known", "otherKey"), { maxLength: 30 }), fc.integer({ min: 1, max: 20 }), (kinds, usesLeft) => {
        const requests = kinds.map((kind, i) => asked(`box-${i}`, kind === "otherKey" ? { publicKey: "other" } : {}));
        const devices = kinds.flatMap((kind, i) => (kind === "new" ? [] : [known(`box-${i}`)]));
        let left = usesLeft;
        const expected = kinds.map((kind) => {
          if (kind === "known") return "known";
          left -= 1;
          if (left < 0) return "enrollment_token_invalid";
          return kind === "new" ? "admit" : "ask";
        });
        expect(decide(requests, devices, tokensOf(usesLeft))).toEqual(expected);
      }),
    );
  });

  test("does not count a device that was refused for its labels", () => {
    const tooMany = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`k${i}`, "v"]));
    expect(decide([asked("a", { labels: tooMany }), asked("b"), asked("c")], [], tokensOf(1))).toEqual(["bad_request", "admit", "enrollment_token_invalid"]);
  });
});

test("labels of the token win over the device's own, and what it states of its class over both", () => {
  const [decision] = decideEnrolments([asked("a", { labels: { site: "wrong", shelf: "3", class: "lie" } })], new Map(), tokensOf(1));
  expect(decision).toEqual({ kind: "admit", tokenId: "ent_1", labels: { site: "lab", shelf: "3", class: "pi4", arch: "arm64" } });
});

test("a known device needs no token; with its credential withdrawn it stays out", () => {
  expect(decide([asked("a"), asked("b")], [known("a"), known("b", { state: "revoked" })], new Map())).toEqual(["known", "device_revoked"]);
});

describe("a known name with another key", () => {
  const other = asked("a", { publicKey: "other" });

  test("never takes over, also when the device is revoked: it asks, and only with a token", () => {
    expect(decide([other], [known("a")])).toEqual(["ask"]);
    expect(decide([other], [known("a", { state: "revoked" })])).toEqual(["ask"]);
    expect(decide([other], [known("a")], new Map())).toEqual(["enrollment_token_invalid"]);
  });

  test("waits without a token once it has asked, and is refused for good once denied", () => {
    expect(decide([other], [known("a", { keyChanges: [{ publicKey: "other", state: "pending" }] })], new Map())).toEqual(["waits"]);
    expect(decide([other], [known("a", { keyChanges: [{ publicKey: "other", state: "denied" }] })])).toEqual(["forbidden"]);
  });

  test("is one of at most five that wait at one device", () => {
    const waiting = (n: number) => known("a", { keyChanges: Array.from({ length: n }, (_, i) => ({ publicKey: `k${i}`, state: "pending" as const })) });
    expect(decide([other], [waiting(4)])).toEqual(["ask"]);
    expect(decide([other], [waiting(5)])).toEqual(["rate_limited"]);
  });
});
