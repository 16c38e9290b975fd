import { createHash } from "node:crypto";

/**
 * UTF-8 bytes of a JSON value with sorted keys and no spaces: the same value gives the same bytes, and so the same
 * digest, whoever writes it. Undefined members are left out; numbers are written as JavaScript writes them.
 */
export function canonicalJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(sorted(value)));
}

/** SHA-256 of those bytes, in hexadecimal digits. */
export function canonicalDigest(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]));
}
