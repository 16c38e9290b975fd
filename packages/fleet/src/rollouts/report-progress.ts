import type { DeploymentReport, Recovery, RunningReport } from "@flotilla/protocol";
import { begunDeploymentStates, nextDeploymentState, type DeploymentTransition } from "./transitions.ts";
import type { DeploymentStateName } from "./types.ts";

/** What of a deployment a device's report can change. */
export type Progress = {
  state: DeploymentStateName;
  attempt: number;
  failureCode: string | null;
  failureDetail: string | null;
  recovery: Recovery | null;
  runningSha256: string | null;
};

/** What a device must attest to have succeeded; null is "no model". */
export type WantedDigests = { buildId: string; manifestSha256: string; modelSha256s: readonly string[] } | null;

/** What to store; `isPickUp` when an attempt begins, so that its deadline moves. */
export type ProgressChange = { progress: Progress; isPickUp: boolean };

const rank: Partial<Record<DeploymentStateName, number>> = { offered: 0, downloading: 1, installing: 2, verifying: 3 };

/**
 * What a report changes, or null. Within an attempt phases only rise, reports of earlier attempts and repeated ones
 * change nothing, and an end stays an end, except that a late answer corrects a time-out.
 */
export function progressAfter(current: Progress, report: DeploymentReport, running: RunningReport | null, wanted: WantedDigests): ProgressChange | null {
  const event = eventOf(report, running, wanted);
  const state = nextDeploymentState(current.state, event);
  if (state === null) return null;
  if (report.attempt < current.attempt && event !== "report_succeeded") return null;
  const isNewAttempt = report.attempt > current.attempt;
  const from = isNewAttempt ? 0 : rank[current.state];
  const to = rank[state];
  if (to !== undefined && from !== undefined && to <= from) return null;
  const failure = event === "report_failed" || event === "report_rolled_back" ? report.failure : undefined;
  return {
    progress: {
      state,
      attempt: Math.max(current.attempt, report.attempt),
      failureCode: failure?.code ?? null,
      failureDetail: failure?.detail ?? null,
      recovery: failure?.recovery ?? null,
      runningSha256: running?.manifestSha256 ?? null,
    },
    isPickUp: isBegun(state) && (isNewAttempt || !isBegun(current.state)),
  };
}

/** Success needs evidence: the attested digests and a passed probe. A claim without it leaves the device on verification. */
function eventOf(report: DeploymentReport, running: RunningReport | null, wanted: WantedDigests): DeploymentTransition {
  switch (report.phase) {
    case "downloading":
      return "report_downloading";
    case "installing":
      return "report_installing";
    case "verifying":
      return "report_verifying";
    case "succeeded":
      return hasEvidence(report, running, wanted) ? "report_succeeded" : "report_verifying";
    case "failed":
      return report.failure?.recovery === "rollback_complete" ? "report_rolled_back" : "report_failed";
  }
}

function hasEvidence(report: DeploymentReport, running: RunningReport | null, wanted: WantedDigests): boolean {
  if (wanted === null) return running === null;
  return (
    report.probe?.passed === true &&
    running !== null &&
    running.buildId === wanted.buildId &&
    running.manifestSha256 === wanted.manifestSha256 &&
    wanted.modelSha256s.includes(running.modelSha256)
  );
}

function isBegun(state: DeploymentStateName): boolean {
  return (begunDeploymentStates as readonly DeploymentStateName[]).includes(state);
}
