export { failBuild, finishBuild } from "./decision-store.ts";
export { createBuild, getBuild, listBuilds } from "./store.ts";
export type { NewBuild } from "./store.ts";
export type * from "./types.ts";
