import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

// The form and the numbers of better-auth 1.7 (@better-auth/utils, password.node.mjs): `<salt hex>:<key hex>`, scrypt over
// the NFKC form of the password with the salt's hex digits as salt. A hash made here signs in through better-auth.
const COST = { N: 16_384, r: 16, p: 1 };
const KEY_BYTES = 64;
const SALT_BYTES = 16;
/** scrypt needs 128 · N · r bytes; twice that is room enough. */
const MAX_MEMORY_BYTES = 128 * COST.N * COST.r * 2;

/** Hash to store for a password; takes some 60 ms and 32 MiB off the event loop. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES).toString("hex");
  return `${salt}:${(await deriveKey(password, salt)).toString("hex")}`;
}

/** Whether the password fits the hash. False, not an error, for a hash of another form. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const [salt, key] = hash.split(":");
  if (!salt || !key) return false;
  const expected = Buffer.from(key, "hex");
  const actual = await deriveKey(password, salt);
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function deriveKey(password: string, salt: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFKC"), salt, KEY_BYTES, { ...COST, maxmem: MAX_MEMORY_BYTES }, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
