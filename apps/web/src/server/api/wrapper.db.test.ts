import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { problemSchema } from "@flotilla/protocol";
import { startTestWeb, type TestWeb } from "../testing/test-web.ts";
import { routes } from "./routes.ts";

let web: TestWeb;
beforeAll(async () => {
  web = await startTestWeb();
});
afterAll(() => web.stop());

const json = async (answer: Response): Promise<Record<string, unknown>> => (await answer.json()) as Record<string, unknown>;

describe("what is wrong is told in one form", () => {
  test("an unknown path, a broken body, a wrong field and too much of it are problem documents with a request id", async () => {
    const operator = web.as("operator");
    const calls: [Response, number, string][] = [
      [await operator("GET", "/nothing"), 404, "not_found"],
      [await operator("GET", "/models/mdl_0000000000"), 404, "not_found"],
      [await operator("POST", "/models", { name: "" }), 400, "bad_request"],
      [await operator("GET", "/models?limit=1000"), 400, "bad_request"],
      [await operator("POST", "/models", { name: "x", description: "y".repeat(1_100_000) }), 413, "payload_too_large"],
      [await web.request("POST", "/models", { headers: { cookie: web.people.operator.cookie, "sec-fetch-site": "same-origin", "content-type": "application/json" }, text: "{" }), 400, "bad_request"],
    ];
    for (const [answer, status, code] of calls) {
      expect(answer.status, code).toBe(status);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
      expect(answer.headers.get("cache-control")).toBe("no-store");
      const problem = problemSchema.parse(await answer.json());
      expect(problem).toMatchObject({ status, code });
      expect(problem.requestId).toBe(answer.headers.get("x-request-id"));
    }
  });

  test("a fault names its place and what is wanted there", async () => {
    const body = await json(await web.as("operator")("POST", "/rollouts", { buildId: "b", fleetId: "f", waves: [{ percent: 10 }, { percent: 300 }] }));
    expect(body["detail"]).toBe("waves.1.percent: a share is at most 100 %");
    expect(body["faults"]).toEqual([{ path: "waves.1.percent", message: "a share is at most 100 %" }]);
  });

  test("a request id that the caller gives is used, in the answer and in the audit log", async () => {
    const answer = await web.as("operator")("POST", "/models", { name: "traced" }, { "x-request-id": "trace-42" });
    expect(answer.headers.get("x-request-id")).toBe("trace-42");
    const { items } = (await json(await web.as("viewer")("GET", "/audit?action=model.create&limit=1"))) as { items: { requestId: string; actorName: string }[] };
    expect(items[0]).toMatchObject({ requestId: "trace-42", actorName: "Olga Operator" });
    const odd = await web.as("viewer")("GET", "/me", undefined, { "x-request-id": "<script>" });
    expect(odd.headers.get("x-request-id")).toMatch(/^req_/);
  });
});

describe("Idempotency-Key", () => {
  test("the same call twice happens once and is answered the same", async () => {
    const key = { "idempotency-key": "make-once" };
    const first = await web.as("operator")("POST", "/models", { name: "once" }, key);
    const second = await web.as("operator")("POST", "/models", { name: "once" }, key);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    expect(await second.json()).toEqual(await first.json());
    expect(await web.db.prisma.model.count({ where: { name: "once" } })).toBe(1);
    expect(await web.db.prisma.auditEvent.count({ where: { action: "model.create", objectName: "once" } })).toBe(1);
  });

  test("twenty at the same moment make one", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => web.as("operator")("POST", "/models", { name: "at once" }, { "idempotency-key": "all-at-once" })));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
    expect(await web.db.prisma.model.count({ where: { name: "at once" } })).toBe(1);
  });

  test("a key belongs to one request of one caller", async () => {
    const key = { "idempotency-key": "mine" };
    expect((await web.as("operator")("POST", "/models", { name: "mine" }, key)).status).toBe(201);
    expect(await json(await web.as("operator")("POST", "/models", { name: "not mine" }, key))).toMatchObject({ code: "idempotency_mismatch" });
    expect((await web.as("admin")("POST", "/models", { name: "admin's own" }, key)).status).toBe(201);
  });

  test("a call that failed leaves its key free", async () => {
    const key = { "idempotency-key": "second-try" };
    await web.as("operator")("POST", "/models", { name: "taken" });
    expect((await web.as("operator")("POST", "/models", { name: "taken" }, key)).status).toBe(409);
    expect((await web.as("operator")("POST", "/models", { name: "second try" }, key)).status).toBe(201);
  });

  test("a secret is in the first answer only, and not in the database", async () => {
    for (const [path, body, place] of [
      ["/api-keys", { name: "k", role: "viewer" }, "secret"],
      ["/enrollment-tokens", {}, "token"],
    ] as const) {
      const first = await json(await web.as("admin")("POST", path, body, { "idempotency-key": `secret-${place}` }));
      const second = await json(await web.as("admin")("POST", path, body, { "idempotency-key": `secret-${place}` }));
      expect(first[place]).toMatch(/^(flk|fet)_/);
      expect(second).toEqual({ ...first, [place]: null });
      expect(JSON.stringify(await web.db.prisma.idempotencyRecord.findMany())).not.toContain(first[place]);
    }
    const invite = { name: "I", email: "i@flotilla.test", role: "viewer" };
    const invited = (await json(await web.as("admin")("POST", "/people", invite, { "idempotency-key": "invite" }))) as { link: { url: string } };
    const again = (await json(await web.as("admin")("POST", "/people", invite, { "idempotency-key": "invite" }))) as { link: { url: null } };
    expect(invited.link.url).toMatch(/^http:\/\/flotilla\.test\/sign-in\/link\?token=lnk_/);
    expect(again.link.url).toBeNull();
  });
});

describe("OpenAPI", () => {
  test("the document holds every operation with its answer, its failures and who may call it", async () => {
    const answer = await web.request("GET", "/openapi.json");
    const document = (await json(answer)) as { openapi: string; paths: Record<string, Record<string, { security: unknown[]; responses: Record<string, { content: Record<string, unknown> }> }>>; components: { securitySchemes: object; schemas: object } };
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.components.securitySchemes)).toEqual(["session", "apiKey"]);
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(["Model", "ModelVersion", "Job", "Rollout", "Device", "Upload", "ApiKey", "Person"]));
    for (const route of routes) {
      const operation = document.paths[`/api/v1${route.path}`]?.[route.method];
      expect(operation, `${route.method} ${route.path}`).toBeDefined();
      expect(operation?.responses[String(route.status ?? 200)]?.content["application/json"], route.path).toBeDefined();
      expect(operation?.responses["default"]?.content["application/problem+json"], route.path).toBeDefined();
      expect(operation?.security, route.path).toHaveLength(route.access === "anyone" ? 0 : 2);
    }
  });
});

test("health tells which part does not answer", async () => {
  const answer = await web.request("GET", "/health");
  expect(answer.status).toBe(200);
  expect(await json(answer)).toMatchObject({ status: "degraded", checks: { database: { status: "ok" }, gateway: { status: "failing" } } });
});
