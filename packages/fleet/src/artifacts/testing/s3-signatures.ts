import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { SignatureV4 } from "@smithy/signature-v4";

// Checks a request's signature by signing it again with the SDK's own signer: what AWS would compute, not what we believe it computes.

export type S3Credentials = { accessKeyId: string; secretAccessKey: string };

/** What is wrong with a request's signature, in S3's words; null when it is right. `sentHash`: what the sender says of the body. */
export type SignatureCheck = { code: string; message: string } | { sentHash: string };

type Headers = Record<string, string>;
const CLOCK_SKEW_MS = 15 * 60_000;

/** SHA-256 in the shape the signer wants; keyed it is HMAC. */
class Sha256 {
  #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;
  readonly #key: string | ArrayBuffer | ArrayBufferView | undefined;

  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#key = key;
    this.#hash = this.#fresh();
  }

  #fresh(): ReturnType<typeof createHash> | ReturnType<typeof createHmac> {
    return this.#key === undefined ? createHash("sha256") : createHmac("sha256", toBuffer(this.#key));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(toBuffer(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = this.#fresh();
  }
}

function toBuffer(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === "string") return Buffer.from(data);
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}

/** Header or query signature, whichever the request carries. */
export async function checkSignature(request: IncomingMessage, credentials: S3Credentials, region: string, nowMs: number): Promise<SignatureCheck> {
  const url = new URL(request.url ?? "/", "http://placeholder");
  const isPresigned = url.searchParams.has("X-Amz-Signature");
  const header = request.headers.authorization ?? "";
  if (!isPresigned && header === "") return { code: "AccessDenied", message: "Access Denied" };
  const scope = (isPresigned ? url.searchParams.get("X-Amz-Credential") : /Credential=([^,]+)/.exec(header)?.[1]) ?? "";
  const [keyId, , signedRegion, service, terminator] = scope.split("/");
  if (keyId !== credentials.accessKeyId) return { code: "InvalidAccessKeyId", message: "The AWS Access Key Id you provided does not exist in our records." };
  if (signedRegion !== region || service !== "s3" || terminator !== "aws4_request") return { code: "AuthorizationHeaderMalformed", message: `the credential scope must be ${region}/s3/aws4_request` };
  const signer = new SignatureV4({ service: "s3", region, credentials, sha256: Sha256, uriEscapePath: false, applyChecksum: true });
  return isPresigned ? await checkPresigned(request, url, signer, nowMs) : await checkHeader(request, url, header, signer, nowMs);
}

async function checkHeader(request: IncomingMessage, url: URL, header: string, signer: SignatureV4, nowMs: number): Promise<SignatureCheck> {
  const names = (/SignedHeaders=([^,]+)/.exec(header)?.[1] ?? "").split(";");
  const date = dateOf(request.headers["x-amz-date"]?.toString());
  const sentHash = request.headers["x-amz-content-sha256"]?.toString() ?? "";
  if (date === null || Math.abs(date.getTime() - nowMs) > CLOCK_SKEW_MS) return { code: "RequestTimeTooSkewed", message: "The difference between the request time and the current time is too large." };
  const unsigned = Object.keys(request.headers).filter((name) => name.startsWith("x-amz-") && !names.includes(name));
  if (unsigned.length > 0 || !names.includes("host") || sentHash === "") return { code: "AccessDenied", message: `There were headers present in the request which were not signed: ${unsigned.join(", ")}` };
  const signed = await signer.sign(
    { method: request.method ?? "GET", protocol: "http:", hostname: request.headers.host ?? "", path: url.pathname, query: queryOf(url, []), headers: headersOf(request, names) },
    { signingDate: date, signableHeaders: new Set(names) },
  );
  return isSame(signed.headers["authorization"] ?? "", header) ? { sentHash } : mismatch();
}

async function checkPresigned(request: IncomingMessage, url: URL, signer: SignatureV4, nowMs: number): Promise<SignatureCheck> {
  const given = (name: string): string => url.searchParams.get(`X-Amz-${name}`) ?? "";
  const date = dateOf(given("Date"));
  const expiresIn = Number(given("Expires"));
  if (date === null || !Number.isInteger(expiresIn) || expiresIn < 1 || expiresIn > 604_800) return { code: "AuthorizationQueryParametersError", message: "X-Amz-Date or X-Amz-Expires is not valid" };
  if (date.getTime() + expiresIn * 1000 < nowMs) return { code: "AccessDenied", message: "Request has expired" };
  const ofSignature = ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Content-Sha256"].map((name) => `X-Amz-${name}`);
  const names = given("SignedHeaders").split(";");
  const presigned = await signer.presign(
    {
      method: request.method ?? "GET", protocol: "http:", hostname: request.headers.host ?? "", path: url.pathname, query: queryOf(url, ofSignature),
      // In this spelling the signer moves it into the query, as the presigner's does.
      headers: { ...headersOf(request, names), "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD" },
    },
    { signingDate: date, expiresIn, unhoistableHeaders: new Set(names) },
  );
  const expected = presigned.query?.["X-Amz-Signature"];
  return typeof expected === "string" && isSame(expected, given("Signature")) ? { sentHash: "UNSIGNED-PAYLOAD" } : mismatch();
}

function mismatch(): SignatureCheck {
  return { code: "SignatureDoesNotMatch", message: "The request signature we calculated does not match the signature you provided. Check your key and signing method." };
}

function headersOf(request: IncomingMessage, names: readonly string[]): Headers {
  return Object.fromEntries(names.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, String(request.headers[name])]])));
}

function queryOf(url: URL, without: readonly string[]): Record<string, string> {
  return Object.fromEntries([...url.searchParams].filter(([name]) => !without.includes(name)));
}

function dateOf(text: string | undefined): Date | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? "");
  return match === null ? null : new Date(`${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z`);
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
