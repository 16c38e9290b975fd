/** Reads "site=berlin, tier=edge"; says what is wrong with the first part that is none. The server checks again. */
export function parseLabels(text: string): { labels: Record<string, string>; fault: string | null } {
  const labels: Record<string, string> = {};
  for (const part of text.split(/[,\n]/).map((piece) => piece.trim()).filter((piece) => piece !== "")) {
    const [key = "", value, ...rest] = part.split("=").map((piece) => piece.trim());
    if (value === undefined || rest.length > 0) return { labels, fault: `“${part}” is not key=value.` };
    if (!/^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/.test(key)) return { labels, fault: `“${key}” cannot be a label: letters, digits, '.', '_', '/' and '-', up to 63.` };
    if (!/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/.test(value)) return { labels, fault: `“${value}” cannot be the value of ${key}: letters, digits, '.', '_' and '-', up to 63.` };
    if (Object.hasOwn(labels, key)) return { labels, fault: `${key} is given twice.` };
    labels[key] = value;
  }
  return { labels, fault: null };
}
