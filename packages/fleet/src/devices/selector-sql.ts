import type { Selector, SelectorRequirement } from "./selector.ts";

/** A condition to put into a `where`, with the values of its parameters in order. */
export type SqlCondition = { text: string; values: unknown[] };

/**
 * The selector as a condition on the jsonb column of labels (`device.labels` unless told), its parameters numbered
 * from `firstParameter` (1 unless told). Equality and `in` become `@>`, which the GIN index of device.labels answers.
 * An empty selector is `true`.
 */
export function selectorSql(selector: Selector, place: { column?: string; firstParameter?: number } = {}): SqlCondition {
  const column = place.column ?? "device.labels";
  const first = place.firstParameter ?? 1;
  const values: unknown[] = [];
  const parameter = (value: unknown, type: string): string => {
    values.push(value);
    return `$${first + values.length - 1}::${type}`;
  };
  const texts = selector.requirements.map((requirement) => conditionOf(requirement, column, parameter));
  return { text: texts.length === 0 ? "true" : texts.join(" and "), values };
}

function conditionOf(requirement: SelectorRequirement, column: string, parameter: (value: unknown, type: string) => string): string {
  switch (requirement.operator) {
    case "in":
      return `(${requirement.values.map((value) => `${column} @> ${parameter({ [requirement.key]: value }, "jsonb")}`).join(" or ")})`;
    case "notin":
      return `not (${requirement.values.map((value) => `${column} @> ${parameter({ [requirement.key]: value }, "jsonb")}`).join(" or ")})`;
    case "exists":
      return `jsonb_exists(${column}, ${parameter(requirement.key, "text")})`;
    case "absent":
      return `not jsonb_exists(${column}, ${parameter(requirement.key, "text")})`;
  }
}
