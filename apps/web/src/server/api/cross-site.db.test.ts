import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sampleCalls, samplePath } from "../testing/sample-calls.ts";
import { startTestWeb, type TestWeb } from "../testing/test-web.ts";
import { routes } from "./routes.ts";

let web: TestWeb;
beforeAll(async () => {
  web = await startTestWeb();
});
afterAll(() => web.stop());

const own = "http://flotilla.test";
const foreign: Record<string, string>[] = [
  {},
  { origin: "https://evil.example" },
  { origin: "null" },
  { origin: `${own}.evil.example` },
  { origin: "https://flotilla.test" },
  { "sec-fetch-site": "cross-site" },
  { "sec-fetch-site": "same-site" },
  { "sec-fetch-site": "cross-site", origin: own },
  { "sec-fetch-site": "none", origin: "https://evil.example" },
  { referer: `${own}/models` },
];
const ours: Record<string, string>[] = [{ origin: own }, { "sec-fetch-site": "same-origin" }, { "sec-fetch-site": "same-origin", origin: own }, { "sec-fetch-site": "none" }];
const mutations = routes.filter((route) => route.method !== "get");

async function codeOf(route: (typeof routes)[number], headers: Record<string, string>): Promise<string | null> {
  const answer = await web.request(route.method.toUpperCase(), samplePath(route.path), { headers, body: sampleCalls[`${route.method} ${route.path}`]?.body });
  return ((await answer.json()) as { code?: string }).code ?? null;
}

describe.each(mutations.map((route) => [`${route.method} ${route.path}`, route] as const))("%s by cookie", (_name, route) => {
  test("from another site it is refused, whatever headers that site can bring about", async () => {
    for (const headers of foreign) expect(await codeOf(route, { cookie: web.people.admin.cookie, ...headers }), JSON.stringify(headers)).toBe("bad_origin");
  });

  test("from our own pages it is not", async () => {
    // A viewer: what matters is the code, and nothing should come of it.
    for (const headers of ours) expect(await codeOf(route, { cookie: web.people.viewer.cookie, ...headers }), JSON.stringify(headers)).not.toBe("bad_origin");
  });
});

test("a key is not sent by browsers by themselves, so it needs no origin", async () => {
  const authorization = `Bearer ${await web.apiKey("operator")}`;
  const answer = await web.request("POST", "/fleets", { headers: { authorization, origin: "https://ci.example" }, body: { name: "by key", query: "" } });
  expect(answer.status).toBe(201);
});

test("a cookie beside a wrong key does not count", async () => {
  const answer = await web.request("GET", "/me", { headers: { cookie: web.people.admin.cookie, authorization: "Bearer flk_wrong" } });
  expect(answer.status).toBe(401);
});

test("a body that a form of another site could send is refused", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]) {
    const answer = await web.request("POST", "/models", { headers: { cookie: web.people.operator.cookie, "sec-fetch-site": "same-origin", "content-type": type }, text: '{"name":"x"}' });
    expect(answer.status, type).toBe(415);
  }
});
