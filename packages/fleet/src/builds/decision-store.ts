import type { Build, BuildState, Tx } from "@flotilla/db";
import type { ArtifactRef, BuildManifest } from "@flotilla/protocol";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { systemPrincipal, type Principal } from "../principal.ts";
import { nextBuildState, type BuildEvent } from "./transitions.ts";

const worker = systemPrincipal("worker");

/**
 * Ends a build: its manifest (whose bytes, and the golden sets it names, are in the store already) becomes what devices
 * may run. False when the build was decided already (its job ran twice).
 */
export async function finishBuild(tx: Tx, buildId: string, result: ArtifactRef & { manifest: BuildManifest }): Promise<boolean> {
  const artifacts = new Map([[result.sha256, result.sizeBytes], ...result.manifest.variants.map((v) => [v.golden.sha256, v.golden.sizeBytes] as const)]);
  await tx.artifact.createMany({ data: [...artifacts].map(([sha256, sizeBytes]) => ({ sha256, sizeBytes: BigInt(sizeBytes) })), skipDuplicates: true });
  const build = await moveBuild(tx, buildId, "finish", { manifest: result.manifest, manifestSha256: result.sha256, failure: null });
  if (build === null) return false;
  await recordAudit(tx, worker, { action: "build.ready", objectKind: "build", objectId: buildId, objectName: build.name, detail: { manifestSha256: result.sha256 } });
  return true;
}

/** Ends a build without a manifest. False when it was decided already. */
export async function failBuild(tx: Tx, buildId: string, failure: string, principal: Principal = worker): Promise<boolean> {
  const build = await moveBuild(tx, buildId, "fail", { failure });
  if (build === null) return false;
  await recordAudit(tx, principal, { action: "build.fail", objectKind: "build", objectId: buildId, objectName: build.name, reason: failure });
  return true;
}

/** Opens a failed build again for its job. False when it had not failed. */
export async function reopenBuild(tx: Tx, buildId: string, jobId: string): Promise<boolean> {
  return (await moveBuild(tx, buildId, "retry", { failure: null, jobId })) !== null;
}

type BuildChange = { manifest?: BuildManifest; manifestSha256?: string; failure?: string | null; jobId?: string };

/** The only writer of a build's state: compare-and-set from every state in which the event can happen. */
async function moveBuild(tx: Tx, buildId: string, event: BuildEvent, change: BuildChange): Promise<Build | null> {
  for (const from of ["pending", "ready", "failed"] satisfies BuildState[]) {
    const to = nextBuildState(from, event);
    if (to === null) continue;
    const [moved] = await tx.build.updateManyAndReturn({ where: { id: buildId, state: from }, data: { ...change, state: to } });
    if (moved === undefined) continue;
    await recordChange(tx, "build", buildId);
    return moved;
  }
  return null;
}
