import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** What a secret begins with: tells people and secret scanners what it is. */
export type SecretKind = "flk" | "fet" | "lnk";

const SECRET_BYTES = 32;
/** Of the random part: enough to recognise a secret by, far too little to guess it. */
const PREFIX_CHARACTERS = 6;

/** A new secret (256 random bits), what is stored of it, and the part that people recognise it by. */
export function newSecret(kind: SecretKind): { secret: string; hash: string; prefix: string } {
  const secret = `${kind}_${randomBytes(SECRET_BYTES).toString("base64url")}`;
  return { secret, hash: hashSecret(secret), prefix: secret.slice(0, kind.length + 1 + PREFIX_CHARACTERS) };
}

/** SHA-256, lower-case hex. Enough for secrets of full entropy: there is nothing to guess. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether text can be a secret of this kind at all, before the database is asked. */
export function looksLikeSecret(kind: SecretKind, text: string): boolean {
  return text.length === kind.length + 44 && text.startsWith(`${kind}_`) && /^[A-Za-z0-9_-]+$/.test(text);
}

/** Compares two hashes in constant time. */
export function sameHash(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
