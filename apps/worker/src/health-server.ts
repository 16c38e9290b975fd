import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { FLOTILLA_VERSION } from "@flotilla/protocol";

/** What the endpoint says about the worker's parts; every one that is not "ok" makes the answer 503. */
export type HealthChecks = () => Promise<Record<string, "ok" | "failing">>;

/** Answers `GET /health` for supervisors. Nothing else is served, and nothing changes through it. */
export async function startHealthServer(options: { port: number; host: string; checks: HealthChecks; facts: () => object }): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      if (request.method !== "GET" || request.url !== "/health") {
        response.writeHead(404).end();
        return;
      }
      const checks = await options.checks();
      const isHealthy = Object.values(checks).every((check) => check === "ok");
      response.writeHead(isHealthy ? 200 : 503, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify({ status: isHealthy ? "ok" : "failing", version: FLOTILLA_VERSION, checks, ...options.facts() }));
    };
    answer().catch(() => response.writeHead(500).end());
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
