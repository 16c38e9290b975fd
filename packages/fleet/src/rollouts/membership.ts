import { selectVariant, type BuildManifest, type DeviceClass } from "@flotilla/protocol";
import type { RolloutPreview } from "./types.ts";

/** A device as far as the decision to give it a build needs it. */
export type Candidate = {
  isRevoked: boolean;
  /** A rollout that was made later has this device. */
  isInNewerRollout: boolean;
  /** The build it attests to run, with a digest that belongs to it. */
  runsBuild: boolean;
  class: DeviceClass;
};

export type ExclusionReason = RolloutPreview["excluded"][number]["reason"] | "left_fleet";
export type MemberVerdict = { kind: "eligible" } | { kind: "excluded"; reason: ExclusionReason; sentence: string };

export const exclusionSentences: Record<Exclude<ExclusionReason, "no_variant">, string> = {
  revoked: "the device's credential was withdrawn",
  in_other_rollout: "a rollout that was made later has this device",
  already_running: "the device already attests to run this build",
  left_fleet: "the device no longer matches the rollout's query",
};

/** Whether a device takes part in a rollout of the build, and why not. */
export function judgeMember(candidate: Candidate, build: Pick<BuildManifest, "variants" | "settings">): MemberVerdict {
  if (candidate.isRevoked) return excluded("revoked");
  if (candidate.isInNewerRollout) return excluded("in_other_rollout");
  if (candidate.runsBuild) return excluded("already_running");
  const choice = selectVariant(build, candidate.class);
  return choice.kind === "variant" ? { kind: "eligible" } : { kind: "excluded", reason: "no_variant", sentence: choice.sentence };
}

/** The text stored with a skipped deployment: the stable reason, then the sentence. */
export function skipReason(verdict: { reason: ExclusionReason; sentence: string }): string {
  return `${verdict.reason}: ${verdict.sentence}`;
}

export function excluded(reason: Exclude<ExclusionReason, "no_variant">): MemberVerdict & { kind: "excluded" } {
  return { kind: "excluded", reason, sentence: exclusionSentences[reason] };
}
