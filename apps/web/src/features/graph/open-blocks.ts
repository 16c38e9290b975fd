type Block = { path: string; isExpanded: boolean };

const openPaths = (blocks: readonly Block[]): string[] => blocks.filter(({ isExpanded }) => isExpanded).map(({ path }) => path);

/** The open blocks after one was opened or closed; what lies in a closed one is closed with it. */
export function toggled(blocks: readonly Block[], path: string): string[] {
  const open = openPaths(blocks);
  if (!open.includes(path)) return withAncestors(blocks, [...open, path]);
  return open.filter((other) => other !== path && !other.startsWith(`${path}/`));
}

/** The open blocks with all opened that hide what is in `block`. */
export function opened(blocks: readonly Block[], block: string): string[] {
  return withAncestors(blocks, block === "" ? openPaths(blocks) : [...openPaths(blocks), block]);
}

/** An open block in a closed one is not seen, so that those around are opened too. */
function withAncestors(blocks: readonly Block[], paths: readonly string[]): string[] {
  const wanted = new Set(paths);
  return blocks.map(({ path }) => path).filter((path) => wanted.has(path) || paths.some((inner) => inner.startsWith(`${path}/`)));
}
