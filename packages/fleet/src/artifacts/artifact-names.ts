import { FleetError, sha256Schema, type ArtifactRef } from "@flotilla/protocol";
import type { PartPlace } from "./artifact-store.ts";

// What every artifact store checks and says in the same way, wherever its bytes lie.

/** The digest itself; throws `bad_request` for anything that could name something else than an artifact. */
export function checkedSha256(sha256: string): string {
  if (!sha256Schema.safeParse(sha256).success) throw new FleetError("bad_request", { public: "An artifact is named by 64 lower-case hex digits." });
  return sha256;
}

/** The id itself; throws `bad_request` for anything that could lead out of the staging area. */
export function checkedUploadId(uploadId: string): string {
  if (!/^upl_[0-9a-z]{1,60}$/.test(uploadId)) throw new FleetError("bad_request", { public: "This is not an upload's id." });
  return uploadId;
}

export function notInStore(): FleetError {
  return new FleetError("not_found", { public: "The artifact is not in the store." });
}

/** `got` completes "this part has n bytes; … came". */
export function wrongPart(place: PartPlace, got: string): FleetError {
  return new FleetError("part_invalid", { public: `This part has ${place.sizeBytes} bytes; ${got} came.` });
}

export function wrongSize(expected: ArtifactRef, sizeBytes: number): FleetError {
  return new FleetError("upload_mismatch", { public: `${expected.sizeBytes} bytes were announced, ${sizeBytes} are here.` });
}

export function wrongDigest(expected: ArtifactRef, sha256: string): FleetError {
  return new FleetError("upload_mismatch", { public: `The SHA-256 of what arrived is ${sha256}; ${expected.sha256} was announced. The file changed while it was sent, or was damaged on the way.` });
}
