export type { StaticType } from "./graph/static-type.ts";
export { GraphBuilder } from "./graph/graph-builder.ts";
