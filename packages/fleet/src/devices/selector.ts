import { FleetError, labelKeySchema, labelValueSchema } from "@flotilla/protocol";

/** One condition of a selector. `values` are compared with the label's value. */
export type SelectorRequirement =
  | { key: string; operator: "in" | "notin"; values: readonly string[] }
  | { key: string; operator: "exists" | "absent" };

/**
 * A Kubernetes-style label query: all requirements must hold; none at all means every device.
 * As in Kubernetes, `!=` and `notin` also hold for devices that do not have the label.
 */
export type Selector = { readonly requirements: readonly SelectorRequirement[] };

const MAX_TEXT_LENGTH = 2_000;
const MAX_REQUIREMENTS = 32;
const MAX_VALUES = 64;

/**
 * Reads `class=pi4,site!=lab,tier in (edge,gw),gpu,!retired`; `==` is `=`, spaces do not matter, empty text selects all.
 * Throws `selector_invalid` with the position of the fault.
 */
export function parseSelector(text: string): Selector {
  if (text.length > MAX_TEXT_LENGTH) throw invalid(`The label query is longer than ${MAX_TEXT_LENGTH} characters.`);
  const reader = new Reader(text);
  const requirements: SelectorRequirement[] = [];
  if (reader.atEnd()) return { requirements };
  do {
    if (requirements.length === MAX_REQUIREMENTS) throw invalid(`A label query has at most ${MAX_REQUIREMENTS} conditions.`);
    requirements.push(readRequirement(reader));
  } while (reader.take(","));
  if (!reader.atEnd()) throw reader.fault('a "," between two conditions');
  return { requirements };
}

/** Whether a device with these labels is selected. The same truth as `selectorSql` on the same labels. */
export function matchesSelector(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  return selector.requirements.every((requirement) => {
    const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
    switch (requirement.operator) {
      case "in":
        return value !== undefined && requirement.values.includes(value);
      case "notin":
        return value === undefined || !requirement.values.includes(value);
      case "exists":
        return value !== undefined;
      case "absent":
        return value === undefined;
    }
  });
}

function readRequirement(reader: Reader): SelectorRequirement {
  if (reader.take("!")) return { key: reader.key(), operator: "absent" };
  const key = reader.key();
  if (reader.take("!=")) return { key, operator: "notin", values: [reader.value()] };
  if (reader.take("==") || reader.take("=")) return { key, operator: "in", values: [reader.value()] };
  if (reader.takeWord("notin")) return { key, operator: "notin", values: readValues(reader) };
  if (reader.takeWord("in")) return { key, operator: "in", values: readValues(reader) };
  return { key, operator: "exists" };
}

function readValues(reader: Reader): string[] {
  if (!reader.take("(")) throw reader.fault('"(" and a list of values');
  const values: string[] = [];
  do {
    if (values.length === MAX_VALUES) throw invalid(`A list in a label query has at most ${MAX_VALUES} values.`);
    values.push(reader.value());
  } while (reader.take(","));
  if (!reader.take(")")) throw reader.fault('")" after the list of values');
  return values;
}

/** Walks over the text; every method skips spaces first. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#skipSpaces();
    return this.#at === this.#text.length;
  }

  take(token: string): boolean {
    this.#skipSpaces();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  takeWord(word: string): boolean {
    this.#skipSpaces();
    const start = this.#at;
    if (this.#word() === word) return true;
    this.#at = start;
    return false;
  }

  key(): string {
    this.#skipSpaces();
    const start = this.#at;
    const key = this.#word();
    if (labelKeySchema.safeParse(key).success) return key;
    this.#at = start;
    throw this.fault("a label key (1 to 63 letters, digits, '.', '_', '/' or '-')");
  }

  value(): string {
    this.#skipSpaces();
    const start = this.#at;
    const value = this.#word();
    if (labelValueSchema.safeParse(value).success) return value;
    this.#at = start;
    throw this.fault("a label value (up to 63 letters, digits, '.', '_' or '-')");
  }

  fault(expected: string): FleetError {
    this.#skipSpaces();
    const rest = this.#text.slice(this.#at, this.#at + 20);
    return invalid(`Expected ${expected} at position ${this.#at + 1}, found ${rest === "" ? "the end" : JSON.stringify(rest)}.`);
  }

  #word(): string {
    const start = this.#at;
    while (this.#at < this.#text.length && /[A-Za-z0-9._/-]/.test(this.#text[this.#at] ?? "")) this.#at += 1;
    return this.#text.slice(start, this.#at);
  }

  #skipSpaces(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at += 1;
  }
}

function invalid(sentence: string): FleetError {
  return new FleetError("selector_invalid", { public: sentence });
}
