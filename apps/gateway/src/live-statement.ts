import type { SyncRequest } from "@flotilla/protocol";

/**
 * What a sync says of its device's last state, as one text: two syncs with the same text differ in nothing but the time,
 * measured resources and how long the model has been running.
 */
export function liveStatementOf({ bootId, report }: SyncRequest): string {
  const { running, slots, deployment } = report;
  let text = `${bootId} ${report.agentVersion} ${report.targetVersion}`;
  if (running !== null) text += ` ${running.buildId} ${running.versionId} ${running.manifestSha256}`;
  for (const slot of slots) text += ` ${slot.slot} ${slot.state} ${slot.buildId} ${slot.manifestSha256}`;
  return deployment === undefined ? text : `${text} ${JSON.stringify(deployment)}`;
}
