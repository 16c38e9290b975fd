import { randomBytes } from "node:crypto";
import { sqlOf, type Sql, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { requireRole, type Principal } from "../principal.ts";
import { cutCohorts } from "./cohorts.ts";
import { loadMembers, type Member, type MemberScope } from "./members-store.ts";
import { exclusionSentences } from "./membership.ts";
import { checkedWaves, defaultPolicy } from "./policy.ts";
import { devices } from "./sentences.ts";
import { buildRow, type BuildRow } from "./store.ts";
import type { RolloutPolicy, RolloutPreview, WaveInput } from "./types.ts";

const SAMPLE = 3;
const reasons = ["no_variant", "already_running", "revoked", "in_other_rollout"] as const;

/**
 * What starting would do: exact counts, who is left out and why, waves by device class. Which devices are in which wave
 * is settled when the rollout is made (its salt decides); how many is the same.
 */
export async function previewRollout(tx: Tx, principal: Principal, input: { buildId: string; fleetId: string; waves: readonly WaveInput[] }): Promise<RolloutPreview> {
  requireRole(principal, "rollouts", "viewer");
  const percents = checkedWaves(input.waves).map((wave) => wave.percent);
  const sql = sqlOf(tx);
  const build = await buildRow(sql, input.buildId);
  if (build === undefined) throw new FleetError("build_not_ready", { public: "There is no ready build with this id." });
  const fleet = await tx.fleet.findUnique({ where: { id: input.fleetId } });
  if (fleet === null) throw new FleetError("not_found", { public: "There is no fleet with this id." });
  const scope = { rolloutId: null, query: fleet.query, createdAt: new Date(), salt: randomBytes(8).toString("hex"), policy: defaultPolicy };
  return previewFor(sql, scope, build, percents);
}

/** The same for a rollout that exists, or is about to. Without percents the waves are left out. */
export async function previewFor(
  sql: Sql, scope: MemberScope & { salt: string; policy: RolloutPolicy }, build: BuildRow, percents: readonly number[],
): Promise<RolloutPreview> {
  const members = await loadMembers(sql, scope, build);
  const eligible = members.filter((member) => member.verdict.kind === "eligible");
  const reachableSince = scope.createdAt.getTime() - scope.policy.offlineAfterMs;
  const excluded = excludedGroups(members);
  return {
    eligible: eligible.length,
    excluded,
    unreachable: eligible.filter((member) => (member.lastSeenAt?.getTime() ?? 0) < reachableSince).length,
    waves: wavesOf(eligible, percents, scope.salt),
    sentence: sentenceOf(build.name, members.length, eligible.length, excluded, percents.length),
  };
}

function excludedGroups(members: readonly Member[]): RolloutPreview["excluded"] {
  return reasons.flatMap((reason) => {
    const group = members.filter((member) => member.verdict.kind === "excluded" && member.verdict.reason === reason);
    const first = group[0];
    if (first === undefined) return [];
    const sentences = new Set(group.map((member) => (member.verdict.kind === "excluded" ? member.verdict.sentence : "")));
    const sentence = reason === "no_variant" ? [...sentences].toSorted().join("; ") : exclusionSentences[reason];
    return [{ reason, sentence, devices: group.length, sample: group.slice(0, SAMPLE).map((member) => ({ id: member.deviceId, name: member.name })) }];
  });
}

function wavesOf(eligible: readonly Member[], percents: readonly number[], salt: string): RolloutPreview["waves"] {
  const waveOf = cutCohorts(eligible, percents, salt);
  return percents.map((percent, position) => {
    const byClass = new Map<string, number>();
    for (const member of eligible) {
      if (waveOf.get(member.deviceId) === position) byClass.set(member.className, (byClass.get(member.className) ?? 0) + 1);
    }
    const classes = [...byClass].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([className, count]) => ({ className, devices: count }));
    return { percent, devices: classes.reduce((sum, c) => sum + c.devices, 0), byClass: classes };
  });
}

function sentenceOf(build: string, matching: number, eligible: number, excluded: RolloutPreview["excluded"], waves: number): string {
  const out = excluded.map((group) => `${group.devices} ${reasonWords[group.reason]}`).join(", ");
  if (eligible === 0) return matching === 0 ? "No device matches the fleet's query." : `No device can take ${build}: of ${devices(matching)} ${out}.`;
  const inWaves = waves === 0 ? "" : ` in ${waves} ${waves === 1 ? "wave" : "waves"}`;
  return `${build} goes to ${eligible} of ${devices(matching)}${inWaves}${out === "" ? "" : `; left out: ${out}`}.`;
}

const reasonWords: Record<(typeof reasons)[number], string> = {
  no_variant: "without a fitting variant", already_running: "running it already", revoked: "revoked", in_other_rollout: "in a newer rollout",
};
