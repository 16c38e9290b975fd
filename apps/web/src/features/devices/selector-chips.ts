/** One requirement of a label query, as a chip can show and remove it. */
export type SelectorChip = { text: string; start: number; end: number };

/**
 * Cuts a label query at its top-level commas. Display only: what a query means is decided on the server, which also finds its faults;
 * a query with open brackets gives its last chip the rest.
 */
export function selectorChips(query: string): SelectorChip[] {
  const chips: SelectorChip[] = [];
  let depth = 0;
  let start = 0;
  const push = (end: number) => {
    const raw = query.slice(start, end);
    const text = raw.trim();
    if (text !== "") chips.push({ text, start: start + raw.indexOf(text), end: start + raw.indexOf(text) + text.length });
  };
  for (let i = 0; i < query.length; i += 1) {
    const c = query[i];
    if (c === "(") depth += 1;
    else if (c === ")") depth = Math.max(0, depth - 1);
    else if (c === "," && depth === 0) {
      push(i);
      start = i + 1;
    }
  }
  push(query.length);
  return chips;
}

/** The query without its n-th requirement. */
export function withoutChip(query: string, index: number): string {
  return selectorChips(query).filter((_, i) => i !== index).map((chip) => chip.text).join(",");
}

/** The query with `key=value` added; an equality on the same key is replaced, since both together would match nothing. */
export function withRequirement(query: string, key: string, value: string): string {
  const others = selectorChips(query).map((chip) => chip.text).filter((text) => text.split(/\s*==?\s*/)[0] !== key || /!=/.test(text));
  return [...others, `${key}=${value}`].join(",");
}
