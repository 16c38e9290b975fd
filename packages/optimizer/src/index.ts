export type { Exactness, Pass, PassChange, PassContext } from "./pass.ts";
export { listPasses } from "./list-passes.ts";
export type { PassReport } from "./simplify/pass-runner.ts";
export type { SimplifyOptions, SimplifyReport } from "./simplify/simplify.ts";
export { simplify } from "./simplify/simplify.ts";
