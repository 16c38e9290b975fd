import { sqlOf, type Sql, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { requireRole, type Principal } from "../principal.ts";
import { syncIntervalMs } from "../devices/index.ts";
import { cautionsOf } from "./cautions-store.ts";
import { waveEnds } from "./cohorts.ts";
import { memberGroups, memberSample, type MemberGroup, type MemberScope } from "./members-store.ts";
import { exclusionSentences } from "./membership.ts";
import { checkedWaves, effectivePolicy } from "./policy.ts";
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
  const scope = { rolloutId: null, query: fleet.query, createdAt: new Date(), policy: effectivePolicy({}, await syncIntervalMs(sql)) };
  return previewFor(sql, scope, build, percents);
}

/** The same for a rollout that exists, or is about to. Without percents the waves are left out. */
export async function previewFor(
  sql: Sql, scope: MemberScope & { policy: RolloutPolicy }, build: BuildRow, percents: readonly number[],
): Promise<RolloutPreview> {
  const groups = await memberGroups(sql, scope, build, new Date(scope.createdAt.getTime() - scope.policy.offlineAfterMs));
  const eligible = groups.filter((group) => group.verdict.kind === "eligible");
  const excluded = await excludedGroups(sql, scope, build, groups);
  return {
    eligible: sum(eligible),
    excluded,
    cautions: await cautionsOf(sql, build, eligible),
    unreachable: eligible.reduce((total, group) => total + group.unreachable, 0),
    waves: wavesOf(eligible, percents),
    sentence: sentenceOf(build.name, sum(groups), sum(eligible), excluded, percents.length),
  };
}

async function excludedGroups(sql: Sql, scope: MemberScope, build: BuildRow, groups: readonly MemberGroup[]): Promise<RolloutPreview["excluded"]> {
  const found: RolloutPreview["excluded"] = [];
  for (const reason of reasons) {
    const ofReason = groups.filter((group) => group.verdict.kind === "excluded" && group.verdict.reason === reason);
    if (ofReason.length === 0) continue;
    const sentences = new Set(ofReason.map(({ verdict }) => (verdict.kind === "excluded" ? verdict.sentence : "")));
    const sentence = reason === "no_variant" ? [...sentences].toSorted().join("; ") : exclusionSentences[reason];
    const sample = await memberSample(sql, scope, build, reason, ofReason.map((group) => group.classKey), SAMPLE);
    found.push({ reason, sentence, devices: sum(ofReason), sample });
  }
  return found;
}

/** The sizes that `cutCohorts` will give: they depend on how many devices a class has, not on which. */
function wavesOf(eligible: readonly MemberGroup[], percents: readonly number[]): RolloutPreview["waves"] {
  const classes = [...Map.groupBy(eligible, (group) => group.className)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const ends = classes.map(([className, groups]) => ({ className, ends: waveEnds(sum(groups), percents) }));
  return percents.map((percent, position) => {
    const byClass = ends.map(({ className, ends: of }) => ({ className, devices: (of[position] ?? 0) - (of[position - 1] ?? 0) })).filter((c) => c.devices > 0);
    return { percent, devices: sum(byClass), byClass };
  });
}

function sum(groups: readonly { devices: number }[]): number {
  return groups.reduce((total, group) => total + group.devices, 0);
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
