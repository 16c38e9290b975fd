import type { Sql } from "@flotilla/db";

/**
 * Whether an artifact belongs to a build that this device should run, was ever offered, or could be sent back to: its manifest, a
 * file of one of its variants, a golden set. Of other builds a device learns nothing, not even that they exist.
 */
export async function isArtifactOfDevice(sql: Sql, input: { deviceId: string; sha256: string }): Promise<boolean> {
  const rows = await sql.query(
    `select 1 from build b
      where b.id in (
              select t.build_id from device_target t where t.device_id = $1
              union all select p.build_id from deployment p where p.device_id = $1 and p.offered_at is not null
              union all select p.previous_build_id from deployment p where p.device_id = $1 and p.offered_at is not null)
        and (b.manifest_sha256 = $2
             or jsonb_path_exists(b.manifest, '$.variants[*].files[*] ? (@.sha256 == $sha256)', jsonb_build_object('sha256', $2::text))
             or jsonb_path_exists(b.manifest, '$.variants[*] ? (@.golden.sha256 == $sha256)', jsonb_build_object('sha256', $2::text)))
      limit 1`,
    [input.deviceId, input.sha256],
  );
  return rows.length > 0;
}
