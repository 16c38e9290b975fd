import { sqlOf, type Tx } from "@flotilla/db";
import { requireRole, type Principal } from "../principal.ts";
import type { OverviewFacts } from "./types.ts";

const SHOWN = 20;
/** A refusal older than this is history, not something to act on. */
const LATELY_MS = 7 * 24 * 3_600_000;

/** What waits for a person and is in no other list, and whether the first steps are done. A fixed number of queries. */
export async function overviewFacts(tx: Tx, principal: Principal, now: Date = new Date()): Promise<OverviewFacts> {
  requireRole(principal, "devices", "viewer");
  requireRole(principal, "models", "viewer");
  const sql = sqlOf(tx);
  // A newer version of the same model that was accepted settles a refusal.
  const rejected = await sql.query<{ id: string; modelId: string; modelName: string; number: number; rejectReason: string | null; decidedAt: Date | null }>(
    `select v.id, v.model_id as "modelId", m.name as "modelName", v.number, v.reject_reason as "rejectReason", v.decided_at as "decidedAt"
       from model_version v join model m on m.id = v.model_id
      where v.state = 'rejected' and v.created_at > $1::timestamptz
        and not exists (select 1 from model_version later where later.model_id = v.model_id and later.number > v.number and later.state = 'ready')
      order by v.id desc limit ${SHOWN}`,
    [new Date(now.getTime() - LATELY_MS)],
  );
  const changes = await sql.query<{ deviceId: string; deviceName: string; createdAt: Date }>(
    `select k.device_id as "deviceId", d.name as "deviceName", k.created_at as "createdAt"
       from device_key_change k join device d on d.id = k.device_id where k.state = 'pending' order by k.id limit ${SHOWN}`,
    [],
  );
  const [steps] = await sql.query<{ enrolled: boolean; uploaded: boolean; rolledOut: boolean }>(
    `select exists (select 1 from device) as enrolled, exists (select 1 from model_version where state = 'ready') as uploaded,
            exists (select 1 from rollout where started_at is not null) as "rolledOut"`,
    [],
  );
  return {
    rejectedVersions: rejected.map((row) => ({ ...row, decidedAt: row.decidedAt?.toISOString() ?? null })),
    keyChanges: changes.map((row) => ({ ...row, createdAt: row.createdAt.toISOString() })),
    firstSteps: steps ?? { enrolled: false, uploaded: false, rolledOut: false },
  };
}
