import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { areas, type Role } from "@flotilla/fleet";
import { sampleCalls, samplePath } from "../testing/sample-calls.ts";
import { startTestWeb, type TestWeb } from "../testing/test-web.ts";
import type { Route } from "./define-route.ts";
import { routes } from "./routes.ts";

let web: TestWeb;
beforeAll(async () => {
  web = await startTestWeb();
});
afterAll(() => web.stop());

const rank: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };
const nameOf = (route: Route): string => `${route.method} ${route.path}`;
const sampleOf = (route: Route) => sampleCalls[nameOf(route)] ?? {};

async function codeFor(route: Route, headers: Record<string, string>): Promise<{ status: number; code: string | null }> {
  const sample = sampleOf(route);
  const answer = await web.request(route.method.toUpperCase(), samplePath(route.path) + (sample.query ?? ""), { headers, body: route.method === "get" ? undefined : sample.body });
  const body = (await answer.json()) as { code?: string };
  return { status: answer.status, code: body.code ?? null };
}

test("every operation has a sample call, and there is no sample of an operation that is gone", () => {
  expect(Object.keys(sampleCalls).toSorted()).toEqual(routes.map(nameOf).toSorted());
});

describe.each(routes.map((route) => [nameOf(route), route] as const))("%s", (_name, route) => {
  const { access } = route;

  test("without a session or key", async () => {
    const { code } = await codeFor(route, { origin: "http://flotilla.test" });
    if (access === "anyone") expect(code).not.toBe("unauthenticated");
    else expect(code).toBe("unauthenticated");
  });

  test("with a session of each role", async () => {
    for (const role of ["viewer", "operator", "admin"] as const) {
      // Ends the sessions of the person: not with one that other tests use.
      if (route.path === "/me/password") continue;
      const { status, code } = await codeFor(route, { cookie: web.people[role].cookie, "sec-fetch-site": "same-origin" });
      const allowed = typeof access === "string" || rank[role] >= rank[access.role];
      if (allowed) expect([401, 403], `${role}: ${status} ${code}`).not.toContain(status);
      else expect({ status, code }, role).toEqual({ status: 403, code: "forbidden" });
    }
  });

  test("with API keys: the right role in another area is refused, the right area is enough", async () => {
    if (typeof access === "string") return;
    const bearer = async (scopes: readonly (typeof areas)[number][]) => ({ authorization: `Bearer ${await web.apiKey(access.role, scopes)}` });
    const others = areas.filter((area) => area !== access.area);
    // The overview is of several areas; its own is the least that it needs.
    if (route.path !== "/overview") {
      const { status, code } = await codeFor(route, await bearer([access.area]));
      expect([401, 403], `${status} ${code}`).not.toContain(status);
    }
    expect(await codeFor(route, await bearer(others)), others.join(" ")).toEqual({ status: 403, code: "forbidden" });
    expect((await codeFor(route, await bearer([]))).status).not.toBe(403);
  });
});

test("an API key that is wrong is refused also where nobody needs to be signed in", async () => {
  for (const authorization of ["Bearer flk_wrong", "Basic abc", "Bearer ", `Bearer flk_${"A".repeat(43)}`]) {
    const answer = await web.request("GET", "/health", { headers: { authorization } });
    expect(answer.status, authorization).toBe(401);
  }
});
