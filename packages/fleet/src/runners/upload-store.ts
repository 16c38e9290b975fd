import type { Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import type { UploadView } from "../artifacts/types.ts";
import { checkUploadComplete, createUpload } from "../artifacts/upload-store.ts";
import { requireRole, type Principal } from "../principal.ts";
import { heldJob } from "./held-job-store.ts";

// Uploads ask for the area "models"; a runner's key need not have it. Holding the job is what lets a runner send its model.

type Holding = { jobId: string; leaseToken: string };

/** Announces the trained model; its parts are sent like those of every upload. */
export async function startRunnerUpload(tx: Tx, principal: Principal, input: Holding & { filename: string; sizeBytes: number; sha256: string }): Promise<UploadView> {
  const { filename, sizeBytes, sha256 } = input;
  return createUpload(tx, await sender(tx, principal, input), { filename, sizeBytes, sha256 });
}

/** The check before web asks the gateway to keep the file, and the look at it afterwards. Throws as `checkUploadComplete`. */
export async function completeRunnerUpload(tx: Tx, principal: Principal, input: Holding & { uploadId: string }): Promise<UploadView> {
  const owner = await sender(tx, principal, input);
  await requireOwnUpload(tx, principal, input.uploadId);
  return checkUploadComplete(tx, owner, input.uploadId);
}

/** `not_found` for an upload that somebody else announced, too: what others send is none of a runner's business. */
export async function requireOwnUpload(tx: Tx, principal: Principal, uploadId: string): Promise<void> {
  const upload = await tx.upload.findUnique({ where: { id: uploadId }, select: { createdById: true } });
  if (upload?.createdById !== principal.id) throw new FleetError("not_found", { public: `There is no upload ${uploadId.slice(0, 64)} of this runner.` });
}

async function sender(tx: Tx, principal: Principal, { jobId, leaseToken }: Holding): Promise<Principal> {
  requireRole(principal, "runner", "operator");
  await heldJob(tx, jobId, leaseToken);
  return principal.kind === "api_key" ? { ...principal, scopes: ["models"] } : principal;
}
