import { sqlOf, type Tx } from "@flotilla/db";

/**
 * Names of models, datasets, their versions, builds, optimizations and trainings: what jobs are about, and audit rows that were written without one.
 * One query for any number of ids; what has no name, or is gone, is not in the answer.
 */
export async function objectNames(tx: Tx, ids: Iterable<string>): Promise<Map<string, string>> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const rows = await sqlOf(tx).query<{ id: string; name: string }>(
    `select id, name from model where id = any($1::text[])
     union all select id, name from dataset where id = any($1::text[])
     union all select id, name from training where id = any($1::text[])
     union all select id, name from build where id = any($1::text[])
     union all select v.id, m.name || ' v' || v.number from model_version v join model m on m.id = v.model_id where v.id = any($1::text[])
     union all select v.id, d.name || ' v' || v.number from dataset_version v join dataset d on d.id = v.dataset_id where v.id = any($1::text[])
     union all select o.id, m.name || ' v' || v.number from optimization o join model_version v on v.id = o.version_id join model m on m.id = v.model_id where o.id = any($1::text[])`,
    [wanted],
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
}
