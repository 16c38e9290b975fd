import { sqlOf, type Sql, type Tx } from "@flotilla/db";
import type { DeviceClass, EnrollRequest, FleetError, Labels } from "@flotilla/protocol";
import { recordAudits, takeTokenUses, usableTokens, type AuditRecord } from "../../access/index.ts";
import { recordChanges } from "../../changes/index.ts";
import { newId } from "../../id.ts";
import { touchRegistry } from "../registry-store.ts";
import { noteReportedClass } from "../reported-class-store.ts";
import { decideEnrolments, type Decision, type KnownDevice } from "./decide.ts";

/** The device that was let in or waits for a person, or why it was not: `enrollment_token_invalid`, `device_revoked`, `forbidden`, `rate_limited`, `bad_request`. */
export type EnrolmentOutcome = { kind: "enrolled"; deviceId: string } | { kind: "key_change_pending"; deviceId: string } | { kind: "refused"; error: FleetError };

/** A request whose proof of possession the caller has checked. */
export type EnrolmentItem = { request: EnrollRequest; requestId?: string };

type Decided = EnrolmentItem & { index: number; decision: Decision };

/**
 * Lets devices in, any number in one transaction, as if they came one after the other in this order: see `decideEnrolments`. Answers an outcome for each; a token for n
 * devices admits exactly n, however many ask at once and at however many gateways.
 */
export async function enrolDevices(tx: Tx, items: readonly EnrolmentItem[]): Promise<EnrolmentOutcome[]> {
  const sql = sqlOf(tx);
  // All take names first, then tokens, each in one order; whoever waited sees what the other did.
  await sql.query(
    `select pg_advisory_xact_lock(name.key)::text from (select distinct hashtextextended('enrol:' || n, 0) as key from unnest($1::text[]) n order by key) name`,
    [items.map(({ request }) => request.name)],
  );
  const tokens = await usableTokens(sql, items.map(({ request }) => request.token));
  const uses = new Map<string, number>();
  const outcomes: EnrolmentOutcome[] = [];
  for (const round of roundsOf(items)) {
    const requests = round.map(({ request }) => request);
    const decisions = decideEnrolments(requests, await knownDevices(sql, requests), tokens);
    const decided = round.flatMap((item, i): Decided[] => (decisions[i] === undefined ? [] : [{ ...item, decision: decisions[i] }]));
    for (const { decision } of decided) {
      if (decision.kind !== "admit" && decision.kind !== "ask") continue;
      uses.set(decision.tokenId, (uses.get(decision.tokenId) ?? 0) + 1);
      for (const token of tokens.values()) if (token.id === decision.tokenId) token.usesLeft -= 1;
    }
    for (const [index, outcome] of await act(tx, sql, decided)) outcomes[index] = outcome;
  }
  await takeTokenUses(sql, uses);
  return outcomes;
}

/** Items of one name must see each other: the first of each name, then the second of each, … */
function roundsOf(items: readonly EnrolmentItem[]): (EnrolmentItem & { index: number })[][] {
  const seen = new Map<string, number>();
  const rounds: (EnrolmentItem & { index: number })[][] = [];
  for (const [index, item] of items.entries()) {
    const round = seen.get(item.request.name) ?? 0;
    seen.set(item.request.name, round + 1);
    (rounds[round] ??= []).push({ ...item, index });
  }
  return rounds;
}

async function knownDevices(sql: Sql, requests: readonly EnrollRequest[]): Promise<Map<string, KnownDevice>> {
  const rows = await sql.query<{ id: string; name: string; public_key: string; state: KnownDevice["state"]; class: DeviceClass; labels: Labels }>(
    "select id, name, public_key, state::text as state, class, labels from device where name = any($1::text[])", [requests.map(({ name }) => name)]);
  const known = rows.map((row) => ({ id: row.id, name: row.name, publicKey: row.public_key, state: row.state, class: row.class, labels: row.labels, keyChanges: [] as { publicKey: string; state: "pending" | "approved" | "denied" }[] }));
  const keys = new Map(requests.map(({ name, publicKey }) => [name, publicKey]));
  const others = known.filter(({ name, publicKey }) => keys.get(name) !== publicKey);
  if (others.length > 0) {
    const changes = await sql.query<{ device_id: string; public_key: string; state: "pending" | "approved" | "denied" }>(
      "select distinct on (device_id, public_key) device_id, public_key, state::text as state from device_key_change where device_id = any($1::text[]) order by device_id, public_key, id desc",
      [others.map(({ id }) => id)]);
    for (const device of others) device.keyChanges = changes.filter((change) => change.device_id === device.id).map((change) => ({ publicKey: change.public_key, state: change.state }));
  }
  return new Map(known.map((device) => [device.name, device]));
}

/** Writes what was decided. Answers the outcomes by the places of their items. */
async function act(tx: Tx, sql: Sql, decided: readonly Decided[]): Promise<[number, EnrolmentOutcome][]> {
  const audits: AuditRecord[] = [];
  const outcomes: [number, EnrolmentOutcome][] = [];
  const admitted: NewDevice[] = [];
  const asked: string[] = [];
  for (const { index, request, requestId, decision } of decided) {
    switch (decision.kind) {
      case "admit": {
        const device = { ...request, id: newId("dev"), labels: decision.labels, tokenId: decision.tokenId };
        admitted.push(device);
        audits.push(auditOf(device, requestId, "device.enroll", { class: request.class.name, token: decision.tokenId }));
        outcomes.push([index, { kind: "enrolled", deviceId: device.id }]);
        break;
      }
      case "known":
        if (decision.hasNewClass) await noteReportedClass(tx, { deviceId: decision.device.id, class: request.class });
        outcomes.push([index, { kind: "enrolled", deviceId: decision.device.id }]);
        break;
      case "ask": {
        const change = await tx.deviceKeyChange.create({ data: { id: newId("kch"), deviceId: decision.device.id, publicKey: request.publicKey } });
        asked.push(decision.device.id);
        audits.push(auditOf(decision.device, requestId, "device.key_change_requested", { keyChangeId: change.id, publicKey: request.publicKey }));
        outcomes.push([index, { kind: "key_change_pending", deviceId: decision.device.id }]);
        break;
      }
      case "waits":
        outcomes.push([index, { kind: "key_change_pending", deviceId: decision.device.id }]);
        break;
      case "refuse":
        outcomes.push([index, { kind: "refused", error: decision.error }]);
    }
  }
  await insertDevices(sql, admitted);
  await recordAudits(sql, audits);
  await touchRegistry(sql, admitted.map(({ id }) => id));
  await recordChanges(sql, "device", [...admitted.map(({ id }) => id), ...asked]);
  return outcomes;
}

type NewDevice = { id: string; name: string; publicKey: string; labels: Labels; class: DeviceClass; tokenId: string };

async function insertDevices(sql: Sql, devices: readonly NewDevice[]): Promise<void> {
  if (devices.length === 0) return;
  await sql.query(
    `insert into device (id, name, public_key, labels, class_name, class, simulated, enrollment_token_id)
     select d.id, d.name, d.public_key, d.labels, d.class_name, d.class, d.simulated, d.token_id
       from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::jsonb[], $7::boolean[], $8::text[]) as d(id, name, public_key, labels, class_name, class, simulated, token_id)`,
    [
      devices.map(({ id }) => id), devices.map(({ name }) => name), devices.map(({ publicKey }) => publicKey), devices.map(({ labels }) => JSON.stringify(labels)),
      devices.map((device) => device.class.name), devices.map((device) => JSON.stringify(device.class)), devices.map((device) => device.class.simulated), devices.map(({ tokenId }) => tokenId),
    ],
  );
}

function auditOf(device: { id: string; name: string }, requestId: string | undefined, action: string, detail: object): AuditRecord {
  return {
    actor: { kind: "device", id: device.id, name: device.name, ...(requestId === undefined ? {} : { requestId }) },
    entry: { action, objectKind: "device", objectId: device.id, objectName: device.name, detail },
  };
}
