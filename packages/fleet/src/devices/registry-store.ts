import { notify, sqlOf, type Sql, type Tx } from "@flotilla/db";
import type { DeviceClass, Labels } from "@flotilla/protocol";
import { openDeploymentStates } from "../rollouts/transitions.ts";

// What gateways keep in memory about devices, and how they hear of changes.
// Invariant: the counter row "registry" is held until commit by every transaction that changes a device in a way gateways must
// know, so registry versions commit in order and "what changed since" misses nothing.

/** Channel on which each new registry version is notified at commit. */
export const REGISTRY_CHANNEL = "flotilla_registry";

/** What a gateway must know of a device to answer it without the database (its target apart). */
export type RegistryEntry = {
  deviceId: string;
  name: string;
  state: "active" | "revoked";
  /** Ed25519, SPKI DER, base64. */
  publicKey: string;
  /** Access tokens of an earlier generation are refused. */
  generation: number;
  className: string;
  class: DeviceClass;
  labels: Labels;
  pinned: boolean;
  /** In the first wave of a rollout that is under way. */
  isCanary: boolean;
  /** A deployment that was offered to the device and has not ended. */
  openDeploymentId: string | null;
};

/** Gives these devices a new registry version, which gateways hear of at commit. */
export async function touchRegistry(tx: Tx | Sql, deviceIds: readonly string[]): Promise<void> {
  if (deviceIds.length === 0) return;
  const sql = sqlFrom(tx);
  const [counter] = await sql.query<{ value: bigint }>(
    "insert into version_counter (name, value) values ('registry', 1) on conflict (name) do update set value = version_counter.value + 1 returning value",
  );
  const version = counter?.value ?? 0n;
  await sql.query("update device set registry_version = $1::bigint where id = any($2::text[])", [version, deviceIds]);
  await notify(tx, REGISTRY_CHANNEL, String(version));
}

/** The entries of these devices; unknown ids are absent. */
export async function registryEntries(tx: Tx | Sql, deviceIds: readonly string[]): Promise<RegistryEntry[]> {
  if (deviceIds.length === 0) return [];
  const rows = await sqlFrom(tx).query<{
    id: string; name: string; state: "active" | "revoked"; public_key: string; credential_generation: number; class_name: string; class: DeviceClass;
    labels: Labels; pinned: boolean; is_canary: boolean; open_deployment_id: string | null;
  }>(
    `select d.id, d.name, d.state::text as state, d.public_key, d.credential_generation, d.class_name, d.class, d.labels, d.pinned,
            exists (select 1 from deployment p join rollout r on r.id = p.rollout_id
                     where p.device_id = d.id and r.state in ('running', 'paused', 'halted', 'rolling_back')
                       and p.wave_position = (select min(w.position) from wave w where w.rollout_id = r.id)) as is_canary,
            (select p.id from deployment p where p.device_id = d.id and p.state = any($2::deployment_state[]) order by p.id desc limit 1) as open_deployment_id
       from device d where d.id = any($1::text[])`,
    [deviceIds, openDeploymentStates.filter((state) => state !== "queued")],
  );
  return rows.map((row) => ({
    deviceId: row.id, name: row.name, state: row.state, publicKey: row.public_key, generation: row.credential_generation, className: row.class_name,
    class: row.class, labels: row.labels, pinned: row.pinned, isCanary: row.is_canary, openDeploymentId: row.open_deployment_id,
  }));
}

/** Devices whose registry version is above `version`. */
export async function devicesChangedSince(tx: Tx | Sql, version: number): Promise<{ deviceIds: string[]; version: number }> {
  const rows = await sqlFrom(tx).query<{ id: string; registry_version: bigint }>("select id, registry_version from device where registry_version > $1::bigint order by registry_version", [version]);
  const newest = rows.at(-1);
  return { deviceIds: rows.map((row) => row.id), version: newest === undefined ? version : Number(newest.registry_version) };
}

/** The counters that tell a gateway to read again: registry version and target change number. */
export async function watchedVersions(tx: Tx | Sql): Promise<{ registry: number; target: number }> {
  const rows = await sqlFrom(tx).query<{ name: string; value: bigint }>("select name, value from version_counter where name in ('registry', 'target')");
  const valueOf = (name: string): number => Number(rows.find((row) => row.name === name)?.value ?? 0);
  return { registry: valueOf("registry"), target: valueOf("target") };
}

/** Every fleet's query: a gateway works out for itself which devices belong to it. */
export async function fleetQueries(tx: Tx | Sql): Promise<{ fleetId: string; query: string }[]> {
  const rows = await sqlFrom(tx).query<{ id: string; query: string }>("select id, query from fleet order by id");
  return rows.map((row) => ({ fleetId: row.id, query: row.query }));
}

function sqlFrom(tx: Tx | Sql): Sql {
  return "query" in tx && typeof tx.query === "function" ? (tx as Sql) : sqlOf(tx as Tx);
}
