/** Labels that every device states itself (packages/fleet, devices): people cannot set them. */
const STATED = new Set(["class", "arch"]);

/** Which labels the device states and which people gave. */
export function ownLabels(labels: Record<string, string>): { stated: Record<string, string>; given: Record<string, string> } {
  const entries = Object.entries(labels).toSorted(([a], [b]) => a.localeCompare(b));
  return { stated: Object.fromEntries(entries.filter(([key]) => STATED.has(key))), given: Object.fromEntries(entries.filter(([key]) => !STATED.has(key))) };
}
