/** A name per run that tells it from the others: several of one name are numbered in the order given. */
export function runNames(runs: readonly { name: string }[]): string[] {
  return runs.map(({ name }, place) => {
    const same = runs.filter((other) => other.name === name);
    if (same.length === 1) return name;
    return `${name} (${runs.slice(0, place + 1).filter((other) => other.name === name).length})`;
  });
}
