import { FleetError } from "@flotilla/protocol";

/** What a person or key may do; each role includes the one before it. */
export type Role = "viewer" | "operator" | "admin";

/** Areas of the product that an API key can be narrowed to. */
export const areas = ["models", "jobs", "builds", "devices", "fleets", "rollouts", "latency", "access", "audit", "runner"] as const;
export type Area = (typeof areas)[number];

/**
 * On whose behalf a function of this package runs. Every exported function that reads or changes the product takes one:
 * without it the call does not type-check, and nothing else decides what is allowed.
 */
export type Principal =
  | { kind: "user"; id: string; name: string; role: Role; requestId?: string }
  | { kind: "api_key"; id: string; name: string; role: Role; scopes: readonly Area[]; requestId?: string }
  /** The platform itself: worker, evaluator, launcher. */
  | { kind: "system"; id: string; name: string; requestId?: string };

/** The platform acting by itself, named after the part that acts. */
export function systemPrincipal(part: string): Principal {
  return { kind: "system", id: part, name: part };
}

const rank: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

/** Throws `forbidden` unless the principal has the role (or a higher one) in the area. */
export function requireRole(principal: Principal, area: Area, role: Role): void {
  if (principal.kind === "system") return;
  if (rank[principal.role] < rank[role]) {
    throw new FleetError("forbidden", { public: `This needs the role ${role}; you are ${principal.role}. An admin can change that under Settings, People.` });
  }
  if (principal.kind === "api_key" && principal.scopes.length > 0 && !principal.scopes.includes(area)) {
    throw new FleetError("forbidden", { public: `The API key "${principal.name}" is not scoped to ${area}.` });
  }
}
