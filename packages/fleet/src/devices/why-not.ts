import type { Presence } from "./types.ts";

/** What is known of a device whose actual build is not the wanted one. */
export type WhyNotFacts = {
  state: "active" | "revoked";
  presence: Presence;
  wantedBuildName: string | null;
  targetVersion: number;
  /** Newest target version the device says it has. */
  knownTargetVersion: number;
  phase: string;
  phaseDetail: string | null;
  /** Of the deployment that set the target. */
  deployment: { state: string; failureCode: string | null; failureDetail: string | null; recovery: string | null } | null;
};

/** One sentence: why the device does not run what it should. The nearest cause wins. */
export function whyNot(facts: WhyNotFacts): string {
  if (facts.state === "revoked") return "Its credential was withdrawn, so it gets no targets any more.";
  if (facts.presence === "never") return "It has enrolled but never synced.";
  const deployment = facts.deployment;
  const failure = deployment && failureSentence(deployment);
  if (failure) return failure;
  if (facts.presence !== "reporting") return "It has not synced lately; it takes the build when it comes back.";
  if (facts.phase !== "idle") return `It is ${facts.phase}${facts.phaseDetail ? ` (${facts.phaseDetail})` : ""}.`;
  if (facts.knownTargetVersion < facts.targetVersion) return "It has not picked up the target yet; it does so with its next sync.";
  return facts.wantedBuildName === null ? "It knows that it should run no model, and has not stopped yet." : `It knows that it should run ${facts.wantedBuildName}, and has not begun yet.`;
}

function failureSentence(deployment: NonNullable<WhyNotFacts["deployment"]>): string | null {
  const why = [deployment.failureCode?.replaceAll("_", " "), deployment.failureDetail].filter(Boolean).join(": ") || "it gave no reason";
  switch (deployment.state) {
    case "failed":
      return deployment.recovery === "unable_to_roll_back" ? `Its last install failed (${why}) and it could not go back.` : `Its last install failed (${why}).`;
    case "rolled_back":
      return `It installed the build, found it bad (${why}) and went back by itself.`;
    case "timed_out":
      return "Its last install did not end in time.";
    default:
      return null;
  }
}
