import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { FleetError, problemOf } from "@flotilla/protocol";
import type { Logger } from "pino";
import { feedsOf, outputsAsJson } from "./infer-request.ts";
import { ModelFailure } from "./model.ts";
import type { Runner } from "./runner.ts";

/** The device's local door for programs on the same machine: `POST /infer` and `GET /status`. */
export type InferServer = { readonly url: string; close(): Promise<void> };

/** About four million float32 values written out as JSON. */
const MAX_BODY_BYTES = 32 * 2 ** 20;

/**
 * Listens on 127.0.0.1 only: the model is for programs on this machine. `port` 0 takes a free one. Rejects with the system's
 * error when the port is taken.
 */
export async function startInferServer(options: { port: number; runner: Runner; status: () => object; log: Logger }): Promise<InferServer> {
  const server = createServer((request, response) => {
    const requestId = randomUUID();
    respond(options, request)
      .then((body) => send(response, 200, body))
      .catch((error: unknown) => {
        const problem = problemOf(known(error), requestId);
        if (problem.code === "internal") options.log.error({ requestId, err: String(error) }, "a local request failed");
        send(response, problem.status, problem);
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, "127.0.0.1", () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond(options: { runner: Runner; status: () => object }, request: IncomingMessage): Promise<object> {
  checkHost(request);
  const path = (request.url ?? "").split("?")[0];
  if (request.method === "GET" && path === "/status") return options.status();
  if (request.method !== "POST" || path !== "/infer") throw new FleetError("not_found", { public: "this device answers POST /infer and GET /status" });
  return await infer(options.runner, await jsonBody(request));
}

/** A page in a browser on this machine must not reach the model through a name that resolves to 127.0.0.1, nor post a form here. */
function checkHost(request: IncomingMessage): void {
  const host = (request.headers.host ?? "").replace(/:\d+$/, "");
  if (!["127.0.0.1", "localhost"].includes(host) || request.headers.origin !== undefined) {
    throw new FleetError("bad_origin", { public: "only programs on this machine may ask" });
  }
}

async function infer(runner: Runner, body: unknown): Promise<object> {
  const inputs = runner.inputs();
  if (inputs === null) throw new FleetError("unavailable", { public: "no model is running on this device" });
  const result = await runner.infer(feedsOf(body, inputs));
  if (result === null) throw new FleetError("unavailable", { public: "no model is running on this device" });
  const { buildId, versionId, modelName } = result.content;
  return { model: modelName, versionId, buildId, outputs: outputsAsJson(result.outputs), latencyMs: result.latencyMs };
}

async function jsonBody(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) throw new FleetError("unsupported_media_type", { public: "send the inputs as application/json" });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new FleetError("payload_too_large", { public: `a request may have ${MAX_BODY_BYTES} bytes` });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new FleetError("bad_request", { public: "the body is not JSON" });
  }
}

/** Inputs that passed the checks but that the model cannot run on are the caller's; a dead process is not. */
function known(error: unknown): unknown {
  if (!(error instanceof ModelFailure)) return error;
  if (error.kind === "run") return new FleetError("bad_request", { public: error.message });
  return new FleetError("unavailable", { public: "the model is being loaded again; try again soon" });
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  // After a refused body the connection holds bytes nobody reads.
  response.writeHead(status, { "content-type": status < 400 ? "application/json" : "application/problem+json", "content-length": Buffer.byteLength(text), ...(status < 400 ? {} : { connection: "close" }) });
  response.end(text);
}
