import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { checkSignature, type S3Credentials } from "./s3-signatures.ts";

// An S3 server for tests, in memory: every request's signature is checked by the SDK's own signer, multipart uploads keep S3's rules
// (ETags, order, 5 MiB for all parts but the last), ranges, conditions and error documents are S3's. What it does not know it
// refuses with NotImplemented, so that a call nobody checked cannot pass by chance.

export type S3Double = {
  /** Path-style endpoint. */
  url: string;
  bucket: string;
  region: string;
  credentials: S3Credentials;
  /** Keys of all objects, and of uploads that were begun and not ended. */
  keys(): string[];
  openUploads(): string[];
  /** Requests so far, as "PUT key" with the kind of call. */
  calls: string[];
  /** What the next requests meet: an answer of S3's own, or a broken connection. `match` sees "METHOD key?query". */
  fault: { match: (call: string) => boolean; times: number; answer: { status: number; code: string } | "broken" } | null;
  /** Waited for before a request is handled. */
  before: ((call: string) => Promise<void>) | null;
  /** Sets an object's or upload's age. */
  age(key: string, atMs: number): void;
  close(): Promise<void>;
};

type Stored = { bytes: Buffer; etag: string; atMs: number };
type Upload = { key: string; atMs: number; parts: Map<number, { bytes: Buffer; etag: string }> };
type Call = { method: string; key: string; query: URLSearchParams; headers: IncomingMessage["headers"]; body: Buffer };

const MIN_PART_BYTES = 5 * 1024 * 1024;
const MAX_KEYS = 1_000;

class S3Error extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Starts it on a port of 127.0.0.1. `pageSize` makes listings come in more than one page. */
export async function startS3Double(options: { port?: number; bucket?: string; credentials?: S3Credentials; pageSize?: number } = {}): Promise<S3Double> {
  const bucket = options.bucket ?? "artifacts";
  const region = "eu-test-1";
  const credentials = options.credentials ?? { accessKeyId: "AKIATEST00000000TEST", secretAccessKey: randomBytes(20).toString("hex") };
  const objects = new Map<string, Stored>();
  const uploads = new Map<string, Upload>();
  const double: S3Double = {
    url: "", bucket, region, credentials, calls: [], fault: null, before: null,
    keys: () => [...objects.keys()].toSorted(),
    openUploads: () => [...uploads.values()].map(({ key }) => key),
    age(key, atMs) {
      for (const [at, stored] of objects) if (at === key) stored.atMs = atMs;
      for (const upload of uploads.values()) if (upload.key === key) upload.atMs = atMs;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const state: State = { bucket, objects, uploads, pageSize: options.pageSize ?? MAX_KEYS };
  const server = createServer((request, response) => void serve(double, state, request, response));
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", () => resolve()));
  double.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return double;
}

type State = { bucket: string; objects: Map<string, Stored>; uploads: Map<string, Upload>; pageSize: number };

async function serve(double: S3Double, state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const requestId = randomBytes(8).toString("hex").toUpperCase();
  try {
    const signature = await checkSignature(request, double.credentials, double.region, Date.now());
    if ("code" in signature) throw new S3Error(403, signature.code, signature.message);
    const url = new URL(request.url ?? "/", "http://placeholder");
    const [, bucket = "", ...rest] = url.pathname.split("/");
    if (bucket !== state.bucket && request.method === "PUT" && rest.join("") === "") {
      state.bucket = bucket;
      return answer(response, requestId, { status: 200, headers: { location: `/${bucket}` } });
    }
    if (bucket !== state.bucket) throw new S3Error(404, "NoSuchBucket", "The specified bucket does not exist");
    const call: Call = { method: request.method ?? "", key: decodeURIComponent(rest.join("/")), query: url.searchParams, headers: request.headers, body: await buffer(request) };
    const name = `${call.method} ${call.key}${url.search === "" ? "" : `?${[...call.query.keys()].join("&")}`}`;
    double.calls.push(name);
    await double.before?.(name);
    const { fault } = double;
    if (fault !== null && fault.times > 0 && fault.match(name)) {
      fault.times -= 1;
      if (fault.answer === "broken") return void request.socket.destroy();
      throw new S3Error(fault.answer.status, fault.answer.code, "on the test's request");
    }
    if (/^[0-9a-f]{64}$/.test(signature.sentHash) && createHash("sha256").update(call.body).digest("hex") !== signature.sentHash) throw new S3Error(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.");
    if (signature.sentHash.startsWith("STREAMING-")) throw new S3Error(501, "NotImplemented", "aws-chunked bodies are not known here");
    if (call.headers["content-length"] !== undefined && Number(call.headers["content-length"]) !== call.body.length) throw new S3Error(400, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header.");
    answer(response, requestId, handle(state, call));
  } catch (error) {
    if (response.headersSent || request.destroyed && !request.complete) return void response.destroy();
    const failure = error instanceof S3Error ? error : new S3Error(500, "InternalError", String(error));
    const body = request.method === "HEAD" ? "" : `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${failure.code}</Code><Message>${escaped(failure.message)}</Message><RequestId>${requestId}</RequestId></Error>`;
    response.writeHead(failure.status, { "content-type": "application/xml", "x-amz-request-id": requestId, connection: "close" }).end(body);
  }
}

type Reply = { status: number; headers?: Record<string, string>; body?: Buffer | string; sizeBytes?: number };

function answer(response: ServerResponse, requestId: string, { status, headers = {}, body = "", sizeBytes }: Reply): void {
  response.writeHead(status, { "x-amz-request-id": requestId, ...(status === 204 ? {} : { "content-length": String(sizeBytes ?? Buffer.byteLength(body)) }), ...headers });
  response.end(body);
}

/** One call on the state; all of it happens at once, as S3's do. */
function handle(state: State, call: Call): Reply {
  const { method, key, query, headers } = call;
  if (key === "") {
    if (method === "HEAD") return { status: 200 };
    if (method === "GET" && query.has("uploads")) return listUploads(state, query);
    if (method === "GET" && query.get("list-type") === "2") return listObjects(state, query);
    throw new S3Error(501, "NotImplemented", `${method} on a bucket`);
  }
  const copySource = headers["x-amz-copy-source"]?.toString();
  if (method === "POST" && query.has("uploads")) return begin(state, key);
  if (method === "POST" && query.has("uploadId")) return complete(state, call);
  if (method === "PUT" && query.has("uploadId")) return putPart(state, call, copySource);
  if (method === "PUT") return copySource === undefined ? put(state, call) : copy(state, key, sourceOf(state, copySource, headers));
  if (method === "DELETE" && query.has("uploadId")) return abort(state, call);
  if (method === "DELETE") {
    state.objects.delete(key);
    return { status: 204 };
  }
  if (method === "GET" || method === "HEAD") return read(state, call);
  throw new S3Error(501, "NotImplemented", `${method} on an object`);
}

const md5 = (bytes: Uint8Array): string => `"${createHash("md5").update(bytes).digest("hex")}"`;

function put(state: State, { key, body }: Call): Reply {
  const etag = md5(body);
  state.objects.set(key, { bytes: body, etag, atMs: Date.now() });
  return { status: 200, headers: { etag } };
}

function sourceOf(state: State, copySource: string, headers: Call["headers"]): Stored {
  const [bucket, ...rest] = decodeURIComponent(copySource).replace(/^\//, "").split("/");
  const source = bucket === state.bucket ? state.objects.get(rest.join("/")) : undefined;
  if (source === undefined) throw new S3Error(404, "NoSuchKey", "The specified key does not exist.");
  const wanted = headers["x-amz-copy-source-if-match"];
  if (wanted !== undefined && wanted !== source.etag) throw new S3Error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
  return source;
}

function copy(state: State, key: string, source: Stored): Reply {
  state.objects.set(key, { bytes: source.bytes, etag: md5(source.bytes), atMs: Date.now() });
  return xml(`<CopyObjectResult><ETag>${escaped(md5(source.bytes))}</ETag><LastModified>${new Date().toISOString()}</LastModified></CopyObjectResult>`);
}

function begin(state: State, key: string): Reply {
  const uploadId = randomBytes(16).toString("base64url");
  state.uploads.set(uploadId, { key, atMs: Date.now(), parts: new Map() });
  return xml(`<InitiateMultipartUploadResult><Bucket>${state.bucket}</Bucket><Key>${escaped(key)}</Key><UploadId>${uploadId}</UploadId></InitiateMultipartUploadResult>`);
}

function uploadOf(state: State, { key, query }: Call): { uploadId: string; upload: Upload } {
  const uploadId = query.get("uploadId") ?? "";
  const upload = state.uploads.get(uploadId);
  if (upload?.key !== key) throw new S3Error(404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.");
  return { uploadId, upload };
}

function putPart(state: State, call: Call, copySource: string | undefined): Reply {
  const { upload } = uploadOf(state, call);
  const n = Number(call.query.get("partNumber"));
  if (!Number.isInteger(n) || n < 1 || n > 10_000) throw new S3Error(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive");
  const bytes = copySource === undefined ? call.body : sourceOf(state, copySource, call.headers).bytes;
  const etag = md5(bytes);
  upload.parts.set(n, { bytes, etag });
  return copySource === undefined ? { status: 200, headers: { etag } } : xml(`<CopyPartResult><ETag>${escaped(etag)}</ETag><LastModified>${new Date().toISOString()}</LastModified></CopyPartResult>`);
}

function complete(state: State, call: Call): Reply {
  const { uploadId, upload } = uploadOf(state, call);
  const named = [...call.body.toString().matchAll(/<Part>([\s\S]*?)<\/Part>/g)].map(([, part = ""]) => ({ n: Number(/<PartNumber>(\d+)</.exec(part)?.[1]), etag: unescaped(/<ETag>([^<]*)</.exec(part)?.[1] ?? "") }));
  if (named.length === 0) throw new S3Error(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema");
  if (named.some(({ n }, index) => index > 0 && n <= (named[index - 1]?.n ?? 0))) throw new S3Error(400, "InvalidPartOrder", "The list of parts was not in ascending order.");
  const parts = named.map(({ n, etag }) => {
    const part = upload.parts.get(n);
    if (part === undefined || part.etag.replaceAll('"', "") !== etag.replaceAll('"', "")) throw new S3Error(400, "InvalidPart", "One or more of the specified parts could not be found.");
    return part;
  });
  if (parts.slice(0, -1).some(({ bytes }) => bytes.length < MIN_PART_BYTES)) throw new S3Error(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size");
  const digests = createHash("md5").update(Buffer.concat(parts.map(({ etag }) => Buffer.from(etag.replaceAll('"', ""), "hex")))).digest("hex");
  const etag = `"${digests}-${parts.length}"`;
  state.objects.set(upload.key, { bytes: Buffer.concat(parts.map(({ bytes }) => bytes)), etag, atMs: Date.now() });
  state.uploads.delete(uploadId);
  return xml(`<CompleteMultipartUploadResult><Bucket>${state.bucket}</Bucket><Key>${escaped(upload.key)}</Key><ETag>${escaped(etag)}</ETag></CompleteMultipartUploadResult>`);
}

function abort(state: State, call: Call): Reply {
  state.uploads.delete(uploadOf(state, call).uploadId);
  return { status: 204 };
}

function read(state: State, { method, key, query, headers }: Call): Reply {
  const stored = state.objects.get(key);
  if (stored === undefined) throw new S3Error(404, "NoSuchKey", "The specified key does not exist.");
  if (headers["if-match"] !== undefined && headers["if-match"] !== stored.etag) throw new S3Error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
  const common = {
    etag: stored.etag, "last-modified": new Date(stored.atMs).toUTCString(), "accept-ranges": "bytes", "content-type": query.get("response-content-type") ?? "application/octet-stream",
    ...(query.has("response-cache-control") ? { "cache-control": query.get("response-cache-control") ?? "" } : {}),
  };
  const size = stored.bytes.length;
  const range = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? "");
  const isCurrent = headers["if-range"] === undefined || headers["if-range"] === stored.etag;
  if (range === null || !isCurrent || (range[1] === "" && range[2] === "")) return { status: 200, headers: common, sizeBytes: size, body: method === "HEAD" ? "" : stored.bytes };
  const start = range[1] === "" ? Math.max(size - Number(range[2]), 0) : Number(range[1]);
  const end = range[1] === "" || range[2] === "" ? size - 1 : Math.min(Number(range[2]), size - 1);
  if (start >= size || start > end) throw new S3Error(416, "InvalidRange", "The requested range is not satisfiable");
  const part = stored.bytes.subarray(start, end + 1);
  return { status: 206, headers: { ...common, "content-range": `bytes ${start}-${end}/${size}` }, sizeBytes: part.length, body: method === "HEAD" ? "" : part };
}

function listObjects(state: State, query: URLSearchParams): Reply {
  const after = query.get("continuation-token") ?? "";
  const found = [...state.objects].filter(([key]) => key.startsWith(query.get("prefix") ?? "") && key > after).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const page = found.slice(0, state.pageSize);
  const contents = page.map(([key, { bytes, etag, atMs }]) => `<Contents><Key>${escaped(key)}</Key><LastModified>${new Date(atMs).toISOString()}</LastModified><ETag>${escaped(etag)}</ETag><Size>${bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`);
  const more = page.length < found.length;
  return xml(
    `<ListBucketResult><Name>${state.bucket}</Name><KeyCount>${page.length}</KeyCount><MaxKeys>${state.pageSize}</MaxKeys><IsTruncated>${more}</IsTruncated>${more ? `<NextContinuationToken>${escaped(page.at(-1)?.[0] ?? "")}</NextContinuationToken>` : ""}${contents.join("")}</ListBucketResult>`,
  );
}

function listUploads(state: State, query: URLSearchParams): Reply {
  const found = [...state.uploads].filter(([, { key }]) => key.startsWith(query.get("prefix") ?? ""));
  const rows = found.map(([id, { key, atMs }]) => `<Upload><Key>${escaped(key)}</Key><UploadId>${id}</UploadId><Initiated>${new Date(atMs).toISOString()}</Initiated></Upload>`);
  return xml(`<ListMultipartUploadsResult><Bucket>${state.bucket}</Bucket><IsTruncated>false</IsTruncated>${rows.join("")}</ListMultipartUploadsResult>`);
}

function xml(body: string): Reply {
  return { status: 200, headers: { "content-type": "application/xml" }, body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}` };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function unescaped(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
