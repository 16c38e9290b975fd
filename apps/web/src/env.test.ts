import { expect, test } from "vitest";
import { parseEnv } from "./env.ts";

const good = { DATABASE_URL: "postgresql://u:p@h/d", GATEWAY_URL: "http://127.0.0.1:3001", AUTH_SECRET: "a".repeat(32), UPLOAD_TICKET_SECRET: "b".repeat(32) };

test("everything that is missing or wrong is told at once", () => {
  const attempt = (): unknown => parseEnv({ GATEWAY_URL: "gateway:3001", AUTH_SECRET: "short", PUBLIC_URL: "" });
  for (const name of ["DATABASE_URL: is not set", "GATEWAY_URL: must be an http", "AUTH_SECRET: needs at least 32", "UPLOAD_TICKET_SECRET: is not set"]) expect(attempt).toThrow(name);
  expect(attempt).not.toThrow("PUBLIC_URL");
});

test("the public address is an origin, whatever was written behind it", () => {
  expect(parseEnv({ ...good, PUBLIC_URL: "https://fleet.example/some/path/" }).PUBLIC_URL).toBe("https://fleet.example");
});
