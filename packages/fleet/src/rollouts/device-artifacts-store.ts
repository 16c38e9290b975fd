import type { Sql } from "@flotilla/db";

/** A device that asks for an artifact. */
export type ArtifactQuestion = { readonly deviceId: string; readonly sha256: string };

/**
 * For each question, in order: whether the artifact belongs to a build that this device should run, was ever offered, or could be sent
 * back to: its manifest, a file of one of its variants, a golden set. Of other builds a device learns nothing, not even that they exist.
 */
export async function areArtifactsOfDevices(sql: Sql, questions: readonly ArtifactQuestion[]): Promise<boolean[]> {
  const rows = await sql.query<{ isOfDevice: boolean }>(
    `select exists (
              select 1 from build b
               where b.id in (
                       select t.build_id from device_target t where t.device_id = q.device_id
                       union all select p.build_id from deployment p where p.device_id = q.device_id and p.offered_at is not null
                       union all select p.previous_build_id from deployment p where p.device_id = q.device_id and p.offered_at is not null)
                 and (b.manifest_sha256 = q.sha256
                      or jsonb_path_exists(b.manifest, '$.variants[*].files[*] ? (@.sha256 == $sha256)', jsonb_build_object('sha256', q.sha256))
                      or jsonb_path_exists(b.manifest, '$.variants[*] ? (@.golden.sha256 == $sha256)', jsonb_build_object('sha256', q.sha256)))
            ) as "isOfDevice"
       from unnest($1::text[], $2::text[]) with ordinality as q (device_id, sha256, n)
      order by q.n`,
    [questions.map(({ deviceId }) => deviceId), questions.map(({ sha256 }) => sha256)],
  );
  return rows.map(({ isOfDevice }) => isOfDevice);
}
