// The rules of the product. Each area has its own index; this file names what other programs may call.
export { areas, requireRole, systemPrincipal } from "./principal.ts";
export type { Area, Principal, Role } from "./principal.ts";
export { newId } from "./id.ts";
export type { IdKind } from "./id.ts";
export type { Page, PageInput } from "./page.ts";
export { storableJson, storableText } from "./text-rules.ts";
export * from "./access/index.ts";
export * from "./artifacts/index.ts";
export * from "./models/index.ts";
export * from "./jobs/index.ts";
export * from "./builds/index.ts";
export * from "./devices/index.ts";
export * from "./fleets/index.ts";
export * from "./rollouts/index.ts";
export * from "./telemetry/index.ts";
export * from "./changes/index.ts";
export * from "./overview/index.ts";
export * from "./simulations/index.ts";
