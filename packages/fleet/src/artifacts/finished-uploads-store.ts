import type { Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";

/** What was uploaded, in the order asked for. `upload_incomplete`, `upload_mismatch` or `upload_expired` when the bytes are not all there. */
export async function uploadedFiles(tx: Tx, uploadIds: readonly string[]): Promise<{ filename: string; sha256: string; sizeBytes: number }[]> {
  if (new Set(uploadIds).size !== uploadIds.length) throw new FleetError("bad_request", { public: "An upload is named twice." });
  const uploads = await tx.upload.findMany({ where: { id: { in: [...uploadIds] } } });
  const byId = new Map(uploads.map((upload) => [upload.id, upload]));
  return uploadIds.map((id) => {
    const upload = byId.get(id);
    if (upload === undefined) throw new FleetError("not_found", { public: `There is no upload ${id.slice(0, 64)}.` });
    if (upload.state === "open") throw new FleetError("upload_incomplete", { public: `${upload.filename} has not arrived completely.` });
    if (upload.state === "failed") throw new FleetError("upload_mismatch", { public: upload.failure ?? `The bytes of ${upload.filename} are not those that were announced.` });
    if (upload.state === "expired") throw new FleetError("upload_expired", { public: `The upload of ${upload.filename} was given up; send it again.` });
    return { filename: upload.filename, sha256: upload.sha256, sizeBytes: Number(upload.sizeBytes) };
  });
}
