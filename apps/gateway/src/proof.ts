import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { FleetError } from "@flotilla/protocol";

/** Throws `proof_invalid` unless `signature` (base64) over `bytes` was made by the Ed25519 key (SPKI DER, base64). */
export function checkProof(publicKey: string, bytes: Uint8Array, signature: string): void {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" });
  } catch (error) {
    throw new FleetError("proof_invalid", { public: "The public key cannot be read.", cause: error });
  }
  if (key.asymmetricKeyType !== "ed25519") throw new FleetError("proof_invalid", { public: "The public key is not an Ed25519 key." });
  if (!verify(null, bytes, key, Buffer.from(signature, "base64"))) throw new FleetError("proof_invalid", { public: "The signature does not fit the key." });
}
