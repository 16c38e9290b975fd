import type { FailureGroup } from "@flotilla/fleet";
import { formatCount } from "../../lib/format.ts";

/** One reason over all device classes, with the class it concentrates in. */
export type FailureReason = {
  code: string; detail: string | null; devices: number;
  /** "all on jetson-nano", "5 on jetson-nano, 1 on pi4". */
  where: string;
  sample: FailureGroup["sample"];
};

/** Groups by reason first, since the same reason on two classes is one thing to understand. Widest first. */
export function failureReasons(groups: readonly FailureGroup[]): FailureReason[] {
  const byReason = Map.groupBy(groups, (group) => `${group.code}\n${group.detail ?? ""}`);
  return [...byReason.values()]
    .map((same): FailureReason => {
      const [first] = same;
      return {
        code: first?.code ?? "unknown", detail: first?.detail ?? null, devices: same.reduce((sum, group) => sum + group.devices, 0),
        where: whereOf(same), sample: same.flatMap((group) => group.sample).slice(0, 3),
      };
    })
    .toSorted((a, b) => b.devices - a.devices);
}

function whereOf(groups: readonly FailureGroup[]): string {
  const [only, second] = groups;
  if (only === undefined) return "";
  if (second === undefined) return only.devices === 1 ? `on ${only.className}` : `all on ${only.className}`;
  return groups.toSorted((a, b) => b.devices - a.devices).map((group) => `${formatCount(group.devices)} on ${group.className}`).join(", ");
}

const MEANINGS: Record<string, string> = {
  download: "The bytes could not be fetched.", io: "The device could not write or read its disk.", disk_full: "There is no room for the build.", timeout: "It took longer than an attempt may take.",
  digest_mismatch: "The bytes on disk are not those of the build.", manifest_invalid: "The manifest could not be read.", incompatible: "The build does not fit the device.",
  load_failed: "ONNX Runtime could not load the model.", probe_failed: "The model's answers to the golden set are wrong.", probation_failed: "It failed after the switch, and the device went back.",
  cancelled: "The install was stopped.", unknown: "The device gave no reason.",
};

/** What a failure code means, for people; the code itself stays beside it. */
export function failureMeaning(code: string): string {
  return MEANINGS[code] ?? "";
}
