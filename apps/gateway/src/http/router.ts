import type { Route } from "../context.ts";
import { ticketedArtifact, deviceArtifact } from "../routes/artifact-bytes.ts";
import { enroll, getNonce, issueToken } from "../routes/device-access.ts";
import { sync } from "../routes/device-sync.ts";
import { healthz, readyz } from "../routes/health.ts";
import { metrics } from "../routes/metrics.ts";
import { commitUpload, putPart } from "../routes/uploads.ts";

/** Path patterns: a segment that begins with ":" takes anything. */
const routes: readonly (readonly [method: string, pattern: string, route: Route])[] = [
  ["POST", "/device/v1/sync", sync],
  ["GET", "/device/v1/nonce", getNonce],
  ["POST", "/device/v1/token", issueToken],
  ["POST", "/device/v1/enroll", enroll],
  ["GET", "/device/v1/artifacts/:sha256", deviceArtifact],
  ["HEAD", "/device/v1/artifacts/:sha256", deviceArtifact],
  ["PUT", "/artifacts/parts/:ticket/:n", putPart],
  ["POST", "/artifacts/uploads/:ticket/commit", commitUpload],
  ["GET", "/artifacts/:sha256", ticketedArtifact],
  ["HEAD", "/artifacts/:sha256", ticketedArtifact],
  ["GET", "/healthz", healthz],
  ["GET", "/readyz", readyz],
  ["GET", "/health/live", healthz],
  ["GET", "/health/ready", readyz],
  ["GET", "/metrics", metrics],
];

const fixed = new Map(routes.filter(([, pattern]) => !pattern.includes(":")).map(([method, pattern, route]) => [`${method} ${pattern}`, route]));
const variable = routes.filter(([, pattern]) => pattern.includes(":")).map(([method, pattern, route]) => ({ method, segments: pattern.split("/"), route }));

/** The route for a method and path, with the variable segments; null when there is none. */
export function findRoute(method: string, path: string): { route: Route; params: readonly string[] } | null {
  const route = fixed.get(`${method} ${path}`);
  if (route) return { route, params: [] };
  const segments = path.split("/");
  for (const candidate of variable) {
    if (candidate.method !== method || candidate.segments.length !== segments.length) continue;
    if (candidate.segments.every((segment, i) => segment.startsWith(":") || segment === segments[i])) {
      return { route: candidate.route, params: segments.filter((_, i) => candidate.segments[i]?.startsWith(":")) };
    }
  }
  return null;
}
