import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestWeb, type TestWeb } from "../testing/test-web.ts";

let web: TestWeb;
const token = "m".repeat(32);
beforeAll(async () => {
  web = await startTestWeb({ METRICS_TOKEN: token });
});
afterAll(() => web.stop());

const bearer = (text: string) => ({ headers: { authorization: `Bearer ${text}` } });

test("metrics count calls by route and never name an object", async () => {
  await web.as("viewer")("GET", "/devices?limit=1");
  await web.as("viewer")("GET", "/devices/dev_secret");
  await web.request("GET", "/devices");
  await web.request("GET", "/nowhere/dev_secret");
  const answer = await web.request("GET", "/metrics", bearer(token));
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  const text = await answer.text();
  expect(text).toContain('flotilla_request_seconds_count{method="GET",route="/devices",status="200"} 1');
  expect(text).toMatch(/flotilla_request_seconds_count\{method="GET",route="\/devices",status="401"\} [1-9]/);
  expect(text).toMatch(/flotilla_request_seconds_count\{method="GET",route="\/devices\/\{id\}",status="404"\} [1-9]/);
  expect(text).toContain("flotilla_event_streams 0");
  expect(text).not.toContain("dev_secret");
});

test("metrics are for the holder of the token only, and not there at all without one", async () => {
  for (const headers of [{}, bearer("").headers, bearer("x".repeat(32)).headers, { cookie: web.people.admin.cookie }]) expect((await web.request("GET", "/metrics", { headers })).status).toBe(401);
  const key = await web.apiKey("admin");
  expect((await web.request("GET", "/metrics", bearer(key))).status).toBe(401);
  const closed = await startTestWeb();
  try {
    expect((await closed.request("GET", "/metrics", bearer(token))).status).toBe(404);
  } finally {
    await closed.stop();
  }
});

test("liveness asks nobody; readiness asks the database", async () => {
  const live = await web.request("GET", "/health/live");
  expect([live.status, await live.json()]).toMatchObject([200, { status: "ok" }]);
  const ready = await web.request("GET", "/health/ready");
  expect([ready.status, await ready.json()]).toMatchObject([200, { status: "ok", checks: { database: "ok" } }]);
});

test("a request's id goes through: answer, problem document, and what the caller sent", async () => {
  const answer = await web.request("GET", "/devices/dev_none", { headers: { "x-request-id": "trace-1234.abcd", cookie: web.people.viewer.cookie, "sec-fetch-site": "same-origin" } });
  expect(answer.headers.get("x-request-id")).toBe("trace-1234.abcd");
  expect(await answer.json()).toMatchObject({ code: "not_found", requestId: "trace-1234.abcd" });
  const forged = await web.request("GET", "/devices", { headers: { "x-request-id": 'bad"id' } });
  expect(forged.headers.get("x-request-id")).toMatch(/^req_/);
});
