import { describe, expect, test } from "vitest";
import { newId } from "./id.ts";
import { requireRole, systemPrincipal, type Area, type Principal, type Role } from "./principal.ts";

const roles: Role[] = ["viewer", "operator", "admin"];
const allowed = (principal: Principal, role: Role): boolean => {
  try {
    requireRole(principal, "models", role);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: "forbidden" });
    return false;
  }
};

describe("requireRole", () => {
  test("each role may do what the roles below it may, and nothing above it", () => {
    for (const [i, has] of roles.entries()) {
      for (const [j, needed] of roles.entries()) {
        expect(allowed({ kind: "user", id: "usr_1", name: "Ana", role: has }, needed), `${has} where ${needed} is needed`).toBe(i >= j);
      }
    }
  });

  test("a scoped API key reaches its areas only; one without scopes all that its role allows", () => {
    const key = (scopes: Area[]): Principal => ({ kind: "api_key", id: "key_1", name: "ci", role: "admin", scopes });
    expect(allowed(key(["models"]), "operator")).toBe(true);
    expect(allowed(key(["rollouts"]), "viewer")).toBe(false);
    expect(allowed(key([]), "admin")).toBe(true);
  });

  test("the platform itself is not held back", () => {
    expect(allowed(systemPrincipal("worker"), "admin")).toBe(true);
  });
});

describe("newId", () => {
  test("ids sort by the time they were made, and do not repeat", () => {
    const early = newId("job", 1_700_000_000_000);
    const late = newId("job", 1_700_000_000_001);
    expect(early < late).toBe(true);
    expect(new Set(Array.from({ length: 10_000 }, () => newId("dev", 0))).size).toBe(10_000);
    expect(early).toMatch(/^job_[0-9a-hjkmnp-tv-z]{22}$/);
  });
});
