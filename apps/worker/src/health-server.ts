import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { FLOTILLA_VERSION } from "@flotilla/protocol";

/** What the endpoint says about the worker's parts; every one that is not "ok" makes it not ready. */
export type HealthChecks = () => Promise<Record<string, "ok" | "failing">>;

export type HealthServerOptions = {
  port: number;
  host: string;
  checks: HealthChecks;
  facts: () => object;
  metrics: { text(): Promise<string>; contentType: string };
};

/**
 * For supervisors, on a port of its own: `GET /health/live` (the process runs; a worker that fails it should be started again),
 * `GET /health/ready` and `/health` (it can work: database and store; 503 names what cannot), `GET /metrics` for Prometheus. Nothing changes
 * through it, and nothing else is served.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    answer(options, request, response).catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer({ checks, facts, metrics }: HealthServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const json = (status: number, body: object): void => void response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" }).end(JSON.stringify({ ...body, version: FLOTILLA_VERSION }));
  switch (request.method === "GET" ? request.url : null) {
    case "/health/live":
      return json(200, { status: "ok" });
    case "/health":
    case "/health/ready": {
      const found = await checks();
      const isReady = Object.values(found).every((check) => check === "ok");
      return json(isReady ? 200 : 503, { status: isReady ? "ok" : "failing", checks: found, ...facts() });
    }
    case "/metrics":
      return void response.writeHead(200, { "content-type": metrics.contentType, "cache-control": "no-store" }).end(await metrics.text());
    default:
      return void response.writeHead(404).end();
  }
}
