import { createHmac, createPrivateKey, createPublicKey, sign, type KeyObject } from "node:crypto";
import { enrollProof, tokenProof, type EnrollRequest, type TokenRequest } from "@flotilla/protocol";

/** An Ed25519 private key in PKCS #8 is this and the 32 bytes of the key. */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * The keys of a crowd: each device has its own, made from the fleet's secret and the device's name whenever it is needed. So a fleet keeps its
 * identity in 32 bytes, and nobody without them can speak for one of its devices.
 */
export type FleetKeys = {
  /** SPKI DER, base64. */
  publicKey(name: string): string;
  signedEnrolment(request: Omit<EnrollRequest, "signature" | "publicKey">): EnrollRequest;
  signedTokenRequest(name: string, request: Omit<TokenRequest, "signature">): TokenRequest;
};

export function fleetKeys(secret: Uint8Array): FleetKeys {
  const keyOf = (name: string): KeyObject => {
    const seed = createHmac("sha256", secret).update(`flotilla simulated device key\n${name}`).digest();
    return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
  };
  const publicOf = (key: KeyObject): string => createPublicKey(key).export({ type: "spki", format: "der" }).toString("base64");
  return {
    publicKey: (name) => publicOf(keyOf(name)),
    signedEnrolment(request) {
      const key = keyOf(request.name);
      const publicKey = publicOf(key);
      return { ...request, publicKey, signature: sign(null, enrollProof({ ...request, publicKey }), key).toString("base64") };
    },
    signedTokenRequest(name, request) {
      return { ...request, signature: sign(null, tokenProof(request), keyOf(name)).toString("base64") };
    },
  };
}
