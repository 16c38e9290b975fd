/** "digit-reader v3 2026-11-24 0308": unique enough to be taken as it is, and readable in a list. UTC, as in the server's sentences. */
export function buildNameFor({ modelName, number, at }: { modelName: string; number: number; at: Date }): string {
  const iso = at.toISOString();
  return `${modelName} v${number} ${iso.slice(0, 10)} ${iso.slice(11, 16).replace(":", "")}`.slice(0, 100);
}
