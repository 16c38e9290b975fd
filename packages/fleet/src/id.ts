import { randomBytes } from "node:crypto";

/** Kinds of ids; the prefix tells a reader of a log what an id names. */
export type IdKind = "usr" | "key" | "lnk" | "upl" | "mdl" | "ver" | "job" | "bld" | "dev" | "ent" | "kch" | "flt" | "rol" | "dep" | "sim" | "dst" | "dsv" | "opt" | "trn";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford base32, lower case: no i, l, o, u

/** A new id: kind, "_", 9 characters of time in ms, 13 random ones (65 bits). Sorts by creation time. */
export function newId(kind: IdKind, nowMs: number = Date.now()): string {
  let time = "";
  for (let rest = nowMs, i = 0; i < 9; i += 1, rest = Math.floor(rest / 32)) time = `${alphabet[rest % 32] ?? ""}${time}`;
  let random = "";
  for (const byte of randomBytes(13)) random += alphabet[byte % 32] ?? "";
  return `${kind}_${time}${random}`;
}
