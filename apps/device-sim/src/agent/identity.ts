import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { enrollProof, tokenProof, type EnrollRequest, type TokenRequest } from "@flotilla/protocol";
import { z } from "zod";
import type { Disk } from "./disk.ts";

/** The device's Ed25519 key pair. The private half never leaves the data folder. */
export type Identity = {
  /** SPKI DER, base64, as the protocol wants it. */
  readonly publicKey: string;
  /** Signatures over the protocol's proofs, base64. */
  signEnroll(request: Pick<EnrollRequest, "token" | "name" | "publicKey" | "nonce">): string;
  signToken(request: Pick<TokenRequest, "deviceId" | "nonce">): string;
};

const KEY_FILE = "device-key.pem";
const ENROLLMENT_FILE = "enrollment.json";

/** Reads the key of this data folder, or makes one (file mode 0600) on the first start. Throws when the file is not an Ed25519 key. */
export async function loadIdentity(disk: Disk): Promise<Identity> {
  const stored = await disk.read(KEY_FILE);
  if (stored !== null) return identityOf(readKey(stored));
  const { privateKey } = generateKeyPairSync("ed25519");
  await disk.writeAtomic(KEY_FILE, String(privateKey.export({ type: "pkcs8", format: "pem" })), 0o600);
  return identityOf(privateKey);
}

function readKey(pem: Uint8Array): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(Buffer.from(pem));
  } catch (error) {
    throw new Error(`${KEY_FILE} in the data folder cannot be read as a private key; restore it, or use a new data folder and enrol again`, { cause: error });
  }
  if (key.asymmetricKeyType !== "ed25519") throw new Error(`${KEY_FILE} in the data folder is not an Ed25519 key`);
  return key;
}

function identityOf(privateKey: KeyObject): Identity {
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" }).toString("base64");
  const signed = (bytes: Uint8Array): string => sign(null, bytes, privateKey).toString("base64");
  return {
    publicKey,
    signEnroll: (request) => signed(enrollProof(request)),
    signToken: (request) => signed(tokenProof(request)),
  };
}

const enrollmentSchema = z.object({ deviceId: z.string().min(1), name: z.string(), server: z.string() });
/** What the server answered when this device enrolled. */
export type Enrollment = z.infer<typeof enrollmentSchema>;

/** The stored enrolment; null before the first one or when the file cannot be read (the device then enrols again with its key). */
export async function loadEnrollment(disk: Disk): Promise<Enrollment | null> {
  const bytes = await disk.read(ENROLLMENT_FILE);
  if (bytes === null) return null;
  try {
    return enrollmentSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

export async function saveEnrollment(disk: Disk, enrollment: Enrollment): Promise<void> {
  await disk.writeAtomic(ENROLLMENT_FILE, JSON.stringify(enrollment));
}
