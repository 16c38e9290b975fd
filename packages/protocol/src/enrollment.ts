import { z } from "zod";
import { deviceClassSchema, labelsSchema } from "./device-class.ts";

/** A name a device gives itself, unique in the installation, e.g. its host name. */
export const deviceNameSchema = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,62})$/, "a device name has 1 to 63 letters, digits, '.', '_' or '-'");

/** Ed25519 public key: SPKI DER, base64 (44 bytes, 60 characters). */
export const publicKeySchema = z.string().regex(/^[A-Za-z0-9+/]{59}=$/, "an Ed25519 public key in SPKI DER, base64");
/** Ed25519 signature, base64: exactly 64 bytes. */
export const signatureSchema = z.string().regex(/^[A-Za-z0-9+/]{86}==$/, "an Ed25519 signature of 64 bytes, base64");

export const nonceResponseSchema = z.object({ nonce: z.string().max(256) });

export const enrollRequestSchema = z.object({
  protocol: z.number().int().positive(),
  token: z.string().min(1).max(256),
  name: deviceNameSchema,
  publicKey: publicKeySchema,
  class: deviceClassSchema,
  labels: labelsSchema,
  /** From GET /device/v1/nonce. */
  nonce: z.string().min(1).max(256),
  /** Over `enrollProof`, by the key above. */
  signature: signatureSchema,
});
export type EnrollRequest = z.infer<typeof enrollRequestSchema>;

export const enrollResponseSchema = z.object({ deviceId: z.string().max(64), name: deviceNameSchema });
export type EnrollResponse = z.infer<typeof enrollResponseSchema>;

export const tokenRequestSchema = z.object({
  deviceId: z.string().min(1).max(64),
  nonce: z.string().min(1).max(256),
  /** Over `tokenProof`, by the device's key. */
  signature: signatureSchema,
});
export type TokenRequest = z.infer<typeof tokenRequestSchema>;

export const tokenResponseSchema = z.object({ token: z.string().max(512), expiresInSeconds: z.number().int().positive() });
export type TokenResponse = z.infer<typeof tokenResponseSchema>;

/** Bytes a device signs to show that it holds the key it enrols (domain-separated, one field per line). */
export function enrollProof(request: Pick<EnrollRequest, "token" | "name" | "publicKey" | "nonce">): Uint8Array {
  return new TextEncoder().encode(["flotilla-enroll-1", request.nonce, request.name, request.publicKey, request.token].join("\n"));
}

/** Bytes a device signs to get an access token. */
export function tokenProof(request: Pick<TokenRequest, "deviceId" | "nonce">): Uint8Array {
  return new TextEncoder().encode(["flotilla-token-1", request.nonce, request.deviceId].join("\n"));
}
