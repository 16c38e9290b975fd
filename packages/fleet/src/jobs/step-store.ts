import { sqlOf, type Tx } from "@flotilla/db";
import type { ArtifactRef } from "@flotilla/protocol";
import { storableJson } from "../text-rules.ts";

/** A finished step of a job. `key` names everything the step was made from: a result under another key is not this step's. */
export type JobStep = { name: string; key: string; result: unknown; artifact: ArtifactRef | null };

/** What earlier attempts at the job finished, by name. */
export async function jobSteps(tx: Tx, jobId: string): Promise<Map<string, JobStep>> {
  const rows = await tx.jobStep.findMany({ where: { jobId } });
  return new Map(
    rows.map(({ name, key, result, artifactSha256, artifactBytes }) => [
      name,
      { name, key, result, artifact: artifactSha256 === null || artifactBytes === null ? null : { sha256: artifactSha256, sizeBytes: Number(artifactBytes) } },
    ]),
  );
}

/** Keeps a finished step, whose artifact is in the store already. False when the lease is lost: then nothing was written. */
export async function keepJobStep(tx: Tx, jobId: string, leaseToken: string, { name, key, result, artifact }: JobStep): Promise<boolean> {
  const held = await sqlOf(tx).query("select id from job where id = $1 and lease_token = $2 and state = 'running' for update", [jobId, leaseToken]);
  if (held.length === 0) return false;
  const found = { key, result: storableJson(result) as object, artifactSha256: artifact?.sha256 ?? null, artifactBytes: artifact === null ? null : BigInt(artifact.sizeBytes), at: new Date() };
  if (artifact !== null) await tx.artifact.createMany({ data: [{ sha256: artifact.sha256, sizeBytes: BigInt(artifact.sizeBytes) }], skipDuplicates: true });
  await tx.jobStep.upsert({ where: { jobId_name: { jobId, name } }, create: { jobId, name, ...found }, update: found });
  return true;
}
