export { matchesSelector, parseSelector } from "./selector.ts";
export type { Selector, SelectorRequirement } from "./selector.ts";
export { selectorSql } from "./selector-sql.ts";
export type { SqlCondition } from "./selector-sql.ts";
export type * from "./types.ts";
