import { sqlOf, type Tx } from "@flotilla/db";

/**
 * Names to show for `createdById` columns: people and API keys by their names, parts of the platform by their own id.
 * One query for any number of ids; every id asked for is in the answer.
 */
export async function actorNames(tx: Tx, ids: Iterable<string>): Promise<Map<string, string>> {
  const wanted = [...new Set(ids)];
  const names = new Map(wanted.map((id) => [id, id]));
  if (wanted.length === 0) return names;
  const rows = await sqlOf(tx).query<{ id: string; name: string }>(
    `select id, name from "user" where id = any($1::text[]) union all select id, name from api_key where id = any($1::text[])`,
    [wanted],
  );
  for (const row of rows) names.set(row.id, row.name);
  return names;
}
