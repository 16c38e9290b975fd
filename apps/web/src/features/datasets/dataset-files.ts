type Named = { filename: string };

const KNOWN = /\.(zip|npz|npy|csv|tsv|idx|gz)$|(^|[.-])idx\d-ubyte(\.gz)?$/i;
const PAIRED = /\.(npy|idx)(\.gz)?$|idx\d-ubyte(\.gz)?$/i;

/** Why these files cannot be one dataset version; null when they may. What is in them is judged by the import. */
export function datasetFilesProblem(items: readonly Named[]): string | null {
  const stranger = items.find(({ filename }) => !KNOWN.test(filename));
  if (stranger !== undefined) return `${stranger.filename} is none of ZIP, IDX, NPZ, NPY or CSV. Pack pictures into a ZIP with a folder per class.`;
  if (items.length > 1 && items.some(({ filename }) => !PAIRED.test(filename))) return "Only IDX and NPY come in several files. Upload each ZIP, NPZ or CSV as a version of its own.";
  if (items.length > 16) return "A version has at most 16 files.";
  const names = items.map(({ filename }) => filename.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? null : `Two files are called ${twice}.`;
}

/** A name for the dataset, from its first file: "Flowers-2026 (1).zip" → "flowers-2026". */
export function datasetNameFor(items: readonly Named[]): string {
  return (items[0]?.filename ?? "")
    .replace(/\.gz$/i, "")
    .replace(/\.[^.]+$/, "")
    .replace(/\s*\(\d+\)$/, "")
    .replace(/-(images|labels)(-idx\d-ubyte|-idx\d)?$/i, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 100);
}
