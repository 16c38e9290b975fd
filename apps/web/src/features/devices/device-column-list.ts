/** Columns a person may hide, with the width of each in px. `name` always stays. */
export const deviceColumnList = [
  { id: "name", label: "Device", width: 236 },
  { id: "presence", label: "Presence", width: 104 },
  { id: "lastSeen", label: "Last seen", width: 88 },
  { id: "build", label: "Build", width: 176 },
  { id: "phase", label: "Phase", width: 84 },
  { id: "class", label: "Class", width: 108 },
  { id: "p95", label: "p95, 1 h", width: 80 },
  { id: "errors", label: "Errors, 1 h", width: 88 },
  { id: "labels", label: "Labels", width: 220 },
] as const;
export type DeviceColumn = (typeof deviceColumnList)[number]["id"];
export const numericColumns: ReadonlySet<string> = new Set(["p95", "errors"]);
