/** A transition table as a Mermaid state diagram, in the order of the table: what docs/rollouts.md shows. */
export function mermaidOf(table: Readonly<Record<string, Readonly<Partial<Record<string, string>>>>>, initial: string): string {
  const lines = ["```mermaid", "stateDiagram-v2", `  [*] --> ${initial}`];
  for (const [from, events] of Object.entries(table)) {
    const byTarget = new Map<string, string[]>();
    for (const [event, to] of Object.entries(events)) if (to !== undefined) byTarget.set(to, [...(byTarget.get(to) ?? []), event]);
    for (const [to, names] of byTarget) lines.push(`  ${from} --> ${to}: ${names.join(", ")}`);
    if (byTarget.size === 0) lines.push(`  ${from} --> [*]`);
  }
  return [...lines, "```"].join("\n");
}
