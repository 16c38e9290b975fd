type Layer = { name: string; opType: string; medianUs: number };
type AlignedLayer<T> = { name: string; left: T | null; right: T | null };

/** What tools put around a node's own name when they fuse, cast or quantise it. */
const ADDED_AFTER = /(_nchwc|_quant|_quantized|_fused|_token_\d+)+$/i;
const ADDED_BEFORE = /^(fused |InsertedPrecisionFreeCast_)/i;
/** Operators, before a name that is not just a number: "Conv_fire2/expand1x1". */
const OPERATOR = /^[A-Z][A-Za-z]+_(?=[a-z])/;

/** What is left of a name: "InsertedPrecisionFreeCast_fire2/expand1x1_2_nchwc" and "Conv_fire2/expand1x1_1_token_8" are both "fire2/expand1x1". */
function keyOf(name: string): string {
  const own = name.replace(ADDED_AFTER, "").replace(ADDED_BEFORE, "").replace(OPERATOR, "");
  // A number behind a name that tells layers apart already counts the values of one layer.
  const bare = own.replace(/_\d+$/, "");
  return /[\d/]/.test(bare) ? bare : own;
}

/** Both lists in one, each in its own order: layers of one name meet, the others stand where they run. The longest common run decides. */
export function alignLayers<T extends Layer>(left: readonly T[], right: readonly T[]): AlignedLayer<T>[] {
  const lengths = commonLengths(left.map(({ name }) => keyOf(name)), right.map(({ name }) => keyOf(name)));
  const rows: AlignedLayer<T>[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const a = left[i];
    const b = right[j];
    if (a === undefined && b === undefined) return rows;
    if (a !== undefined && b !== undefined && keyOf(a.name) === keyOf(b.name)) {
      rows.push({ name: a.name, left: a, right: b });
      i += 1;
      j += 1;
    } else if (a !== undefined && (b === undefined || (lengths[i + 1]?.[j] ?? 0) >= (lengths[i]?.[j + 1] ?? 0))) {
      rows.push({ name: a.name, left: a, right: null });
      i += 1;
    } else if (b !== undefined) {
      rows.push({ name: b.name, left: null, right: b });
      j += 1;
    }
  }
}

/** `lengths[i][j]`: how many layers meet at most from i and j on. */
function commonLengths(left: readonly string[], right: readonly string[]): Uint16Array[] {
  const lengths = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i -= 1) {
    const row = lengths[i];
    const below = lengths[i + 1];
    if (row === undefined || below === undefined) continue;
    for (let j = right.length - 1; j >= 0; j -= 1) row[j] = left[i] === right[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
  }
  return lengths;
}
