import type { Command, SyncRequest, SyncResponse, Target } from "@flotilla/protocol";

/** What an answer is made of. */
export type SyncAnswerFacts = {
  request: SyncRequest;
  target: Target | null;
  /** False when the target is newer than the one that was noted with the sync. */
  mayHandOut: boolean;
  ack: { epoch: string; seq: number } | null;
  hasOpenDeployment: boolean;
  intervalMs: number;
  /** How full the gateway's queue is, 0 to 1. */
  load: number;
  nowMs: number;
  /** Uniform in [0, 1). */
  random: number;
};

/** Devices with a deployment under way sync this much more often, but not below the floor. */
const HURRY = 4;
const HURRY_FLOOR_MS = 1_000;
/** A full queue stretches the interval to this multiple. */
const STRETCH = 4;

/** The answer to a sync: pure, so that the rules of the protocol can be tested without a server. */
export function syncAnswerOf(facts: SyncAnswerFacts): SyncResponse {
  const { report } = facts.request;
  const isNewer = facts.mayHandOut && facts.target !== null && facts.target.targetVersion > report.targetVersion;
  return {
    serverTime: new Date(facts.nowMs).toISOString(),
    syncAfterMs: syncAfterMs(facts),
    ...(isNewer && facts.target ? { target: facts.target } : {}),
    ...(facts.ack ? { ack: facts.ack } : {}),
    commands: commandsOf(facts.request, facts.target),
  };
}

/** The same as JSON text; the common answer, without target and command, is put together without making it first. */
export function syncAnswerText(facts: SyncAnswerFacts, serverTime: string): string {
  const { target, request, ack } = facts;
  if (request.report.deployment !== undefined || (target !== null && target.targetVersion > request.report.targetVersion)) return JSON.stringify(syncAnswerOf(facts));
  // The epoch is 16 hex digits (checked at the border): it needs no escaping.
  const acknowledged = ack === null ? "" : `,"ack":{"epoch":"${ack.epoch}","seq":${ack.seq}}`;
  return `{"serverTime":"${serverTime}","syncAfterMs":${syncAfterMs(facts)}${acknowledged},"commands":[]}`;
}

/** Drawn afresh each time, so that devices that began together drift apart: uniform(0.5, 1.5) × interval. */
function syncAfterMs(facts: SyncAnswerFacts): number {
  const intervalMs = facts.hasOpenDeployment ? Math.max(facts.intervalMs / HURRY, Math.min(HURRY_FLOOR_MS, facts.intervalMs)) : facts.intervalMs;
  return Math.max(1, Math.round(intervalMs * (0.5 + facts.random) * (1 + (STRETCH - 1) * facts.load)));
}

/** An install that is not what the device should be at any more is stopped, as long as it has not switched. */
function commandsOf(request: SyncRequest, target: Target | null): Command[] {
  const deployment = request.report.deployment;
  if (!deployment || target === null || target.deploymentId === deployment.deploymentId) return [];
  const isUnderWay = deployment.phase === "downloading" || deployment.phase === "installing";
  return isUnderWay && target.targetVersion > deployment.targetVersion ? [{ kind: "cancel", deploymentId: deployment.deploymentId }] : [];
}
