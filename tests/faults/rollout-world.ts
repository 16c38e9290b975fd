import { createHash } from "node:crypto";
import { Agent } from "node:http";
import { withSql, withTx, type Db } from "@flotilla/db";
import { createFleet, createRollout, newId, startRollout, type Principal, type RolloutPolicy, type RolloutView, type WaveInput } from "@flotilla/fleet";
import type { BuildManifest } from "@flotilla/protocol";
import { enrolmentToken } from "./ledger-clients.ts";
import { ProtocolDevice, modelSha256Of, type Behaviour } from "./protocol-device.ts";

export const operator: Principal = { kind: "user", id: "usr_faults", name: "Faults", role: "operator" };

/** A ready build without bytes: protocol-level devices fetch none. */
export async function addBuild(db: Db, name: string): Promise<string> {
  const id = newId("bld");
  const manifestSha256 = createHash("sha256").update(id).digest("hex");
  const golden = { sha256: manifestSha256, sizeBytes: 10, relativeTolerance: 0.001, absoluteTolerance: 0.0001 };
  const manifest: BuildManifest = {
    schema: "flotilla/build-manifest/1", buildId: id, name, createdAt: new Date().toISOString(), settings: { intraOpThreads: 1, executionProviders: ["cpu"] },
    variants: [{
      versionId: "ver_fault", modelName: name, versionNumber: 1, classes: [], inputs: [], outputs: [], requiredMemoryBytes: 1_000, golden,
      files: [{ name: "model.onnx", role: "model", sha256: modelSha256Of(manifestSha256), sizeBytes: 10 }],
    }],
  };
  await withTx(db, async (tx) => {
    await tx.artifact.create({ data: { sha256: manifestSha256, sizeBytes: 1_234n } });
    await tx.build.create({ data: { id, name, state: "ready", settings: manifest.settings, manifestSha256, manifest, createdById: operator.id } });
  });
  return id;
}

/** Enrols devices with a label of their own and the fleet that is selected by it. */
export async function addCrew(db: Db, server: string, name: string, count: number, behaviourOf: (buildId: string) => Behaviour): Promise<{ devices: ProtocolDevice[]; fleetId: string }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const token = await enrolmentToken(db);
  const devices = Array.from({ length: count }, (_, i) => new ProtocolDevice({ server, agent, name: `${name}-${i}`, behaviourOf }));
  for (let from = 0; from < count; from += 20) await Promise.all(devices.slice(from, from + 20).map((device) => device.enrol(token, { crew: name })));
  const fleet = await withTx(db, (tx) => createFleet(tx, operator, { name, query: `crew=${name}` }));
  return { devices, fleetId: fleet.id };
}

export async function startedRollout(db: Db, input: { buildId: string; fleetId: string; waves: WaveInput[]; policy: Partial<RolloutPolicy> }): Promise<RolloutView> {
  const draft = await withTx(db, (tx) => createRollout(tx, operator, input));
  return withTx(db, (tx) => startRollout(tx, operator, { id: draft.id }));
}

/**
 * Lets the database itself watch what an evaluator that dies must never do: hand out an older or the same version again, or have
 * more devices in flight than the rollout allows.
 */
export async function watchRollouts(db: Db): Promise<void> {
  await withSql(db, async (sql) => {
    await sql.query("create table fault_target (n bigint generated always as identity, device_id text, version bigint, deployment_id text)");
    await sql.query("create function fault_note_target() returns trigger language plpgsql as $$ begin insert into fault_target (device_id, version, deployment_id) values (new.device_id, new.target_version, new.deployment_id); return null; end $$");
    await sql.query("create trigger fault_note_target after insert or update on device_target for each row execute function fault_note_target()");
    await sql.query("create table fault_in_flight (rollout_id text primary key, most int not null)");
    await sql.query(`create function fault_note_in_flight() returns trigger language plpgsql as $$ begin
      insert into fault_in_flight select rollout_id, count(*) from deployment where state in ('offered', 'downloading', 'installing', 'verifying') group by rollout_id
        on conflict (rollout_id) do update set most = greatest(fault_in_flight.most, excluded.most);
      return null; end $$`);
    await sql.query("create trigger fault_note_in_flight after insert or update on deployment for each statement execute function fault_note_in_flight()");
  });
}

export type RolloutFaults = { overLimit: number; mostInFlight: number; repeatedTargets: number; earlyOffers: number; withoutDeadline: number };

export async function checkRollouts(db: Db, maxInFlight: number): Promise<RolloutFaults> {
  const number = async (text: string, values: unknown[] = []): Promise<number> => Number((await withSql(db, (sql) => sql.query<{ n: bigint | number }>(text, values)))[0]?.n ?? 0);
  return {
    overLimit: await number("select count(*) as n from fault_in_flight where most > $1::int", [maxInFlight]),
    mostInFlight: await number("select max(most) as n from fault_in_flight"),
    // A version that does not rise, or a deployment that a device was handed twice.
    repeatedTargets: await number(`select count(*) as n from fault_target later join fault_target earlier
       on earlier.device_id = later.device_id and earlier.n < later.n and (earlier.version >= later.version or earlier.deployment_id = later.deployment_id)`),
    // Offered before its wave was opened, or in a wave that opened before the one ahead of it had passed.
    earlyOffers: await number(`select count(*) as n from deployment d join wave w on w.rollout_id = d.rollout_id and w.position = d.wave_position
       left join wave ahead on ahead.rollout_id = w.rollout_id and ahead.position = w.position - 1
      where d.direction = 'forward' and d.offered_at is not null
        and (w.opened_at is null or d.offered_at < w.opened_at or (ahead.rollout_id is not null and (ahead.finished_at is null or ahead.finished_at > w.opened_at)))`),
    withoutDeadline: await number("select count(*) as n from deployment where state in ('downloading', 'installing', 'verifying') and deadline_at is null"),
  };
}
