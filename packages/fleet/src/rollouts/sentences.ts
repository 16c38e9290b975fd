import type { Cause } from "@flotilla/protocol";
import type { HaltRule } from "./plan.ts";
import type { RolloutCounts, RolloutView } from "./types.ts";

// What people read. Waves are counted from 1 here and from 0 everywhere else. Times are UTC: a server does not know
// the reader's zone, and the page shows the exact time of the cause beside the sentence.

/** "1 device", "3 devices". */
export function devices(count: number, kind = ""): string {
  return `${count} ${kind === "" ? "" : `${kind} `}${count === 1 ? "device" : "devices"}`;
}

/** "50 %", "33.3 %". */
export function percent(value: number): string {
  return `${Number(value.toFixed(1))} %`;
}

/** "03:07 UTC". */
export function clock(iso: string): string {
  return `${iso.slice(11, 16)} UTC`;
}

/** "45 s", "3 min". */
function span(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.floor(ms / 60_000)} min`;
}

/** Why a rollout halted, with every number that led there. */
export function haltCause(why: HaltRule, wave: number, actor: string, at: string): Cause {
  const common = { actor, at, wave };
  switch (why.rule) {
    case "failure_rate": {
      const { scope, className, failed, outOf, percent: value, limitPercent } = why.breach;
      const place = scope === "rollout" ? `in the waves up to ${wave + 1}` : `in wave ${wave + 1}`;
      const who = `${failed} of ${devices(outOf, className ?? "")} failed`;
      return {
        ...common, code: "failure_rate", value, limit: limitPercent, unit: "%", sampleCount: outOf,
        sentence: `Halted by failure rate ${place} at ${clock(at)}: ${who} (${percent(value)} > ${percent(limitPercent)}).`,
      };
    }
    case "lost": {
      const { failed, outOf, className, percent: value, limitPercent } = why.breach;
      const sentence = `${failed} of ${devices(outOf, className ?? "")} failed or fell silent after they were handed the build (${percent(value)} > ${percent(limitPercent)})`;
      return {
        ...common, code: "lost", value, limit: limitPercent, unit: "%", sampleCount: outOf,
        sentence: `Halted by lost devices in wave ${wave + 1} at ${clock(at)}: ${sentence}; ${devices(why.lost)} silent for ${span(why.silentForMs)} or more.`,
      };
    }
    case "gone_quiet":
      return {
        ...common, code: "silence", value: 0, limit: 1, unit: "devices", sampleCount: why.succeeded,
        sentence: `Halted by silence in wave ${wave + 1} at ${clock(at)}: none of the ${devices(why.succeeded)} that took the build has been heard of for ${span(why.quietForMs)}.`,
      };
    case "no_success":
      return {
        ...common, code: "no_success", value: 0, limit: 1, unit: "devices", sampleCount: why.failed,
        sentence: `Halted in wave ${wave + 1} at ${clock(at)}: ${devices(why.failed)} failed and none succeeded.`,
      };
    case "silence": {
      const minutes = Math.round(why.timeoutMs / 60_000);
      const sentence =
        why.outOf === 0
          ? `none of its ${devices(why.unreachable)} could be reached within ${minutes} min`
          : `${why.silent} of ${devices(why.outOf, "reachable")} did not answer within ${minutes} min${why.unreachable > 0 ? `; ${why.unreachable} more could not be reached` : ""}`;
      return {
        ...common, code: "silence", value: why.silent, limit: 0, unit: "devices", sampleCount: why.outOf,
        sentence: `Halted by silence in wave ${wave + 1} at ${clock(at)}: ${sentence}.`,
      };
    }
  }
}

/** "Paused by Ada at 03:07 UTC: lunch." */
export function operatorCause(verb: string, actor: string, at: string, reason?: string): Cause {
  const because = reason === undefined || reason.trim() === "" ? "" : `: ${reason.trim().replace(/\.$/, "")}`;
  return { code: "operator", sentence: `${verb} by ${actor} at ${clock(at)}${because}.`, actor, at, ...(reason === undefined ? {} : { reason }) };
}

type Facts = Pick<RolloutView, "state" | "cause" | "waves" | "counts" | "rollbackCounts">;

/** The one sentence on top of the page: state, cause, whether it is spreading. */
export function verdictOf(rollout: Facts): string {
  const cause = rollout.cause?.sentence ?? "";
  const { counts } = rollout;
  switch (rollout.state) {
    case "draft":
      return "Not started.";
    case "running":
      return runningVerdict(rollout);
    case "paused":
    case "halted":
      return `${cause} Not spreading. ${joined(finishing(counts), `${devices(counts.queued)} untouched`)}.`;
    case "rolling_back":
      return rollbackVerdict("Rolling back", rollout.rollbackCounts);
    case "rolled_back":
      return rollbackVerdict("Rolled back", rollout.rollbackCounts);
    case "cancelled":
      return `${cause} ${joined(`${devices(counts.succeeded)} ${counts.succeeded === 1 ? "keeps" : "keep"} the build`, finishing(counts))}.`;
    case "superseded":
      return `${cause} ${devices(counts.succeeded)} ran the build before.`;
    case "completed":
      return `Completed: ${joined(`${counts.succeeded} of ${devices(eligible(counts))} succeeded`, failures(counts), away(counts))}.`;
  }
}

function runningVerdict(rollout: Facts): string {
  const current = rollout.waves.find((wave) => wave.state === "active" || wave.state === "soaking");
  if (current === undefined) return rollout.waves.every((wave) => wave.state === "pending") ? "Starting: devices are being put into waves." : "Spreading: the next wave is about to open.";
  const { counts } = current;
  const name = `Wave ${current.position + 1} of ${rollout.waves.length}`;
  const result = joined(`${counts.succeeded} of ${devices(eligible(counts))} succeeded`, failures(counts), away(counts));
  if (current.state === "soaking") return `${name} soaks until ${current.soakUntil === null ? "soon" : clock(current.soakUntil)}: ${result}.`;
  return `Spreading. ${name}: ${result}.`;
}

function rollbackVerdict(verb: string, counts: RolloutCounts | null): string {
  if (counts === null) return `${verb}: the devices are being listed.`;
  const all = counts.total - counts.skipped;
  const failed = counts.failed + counts.rolledBack + counts.timedOut;
  const stuck = failed === 0 ? "" : `${devices(failed)} could not go back; "roll back" tries them again`;
  return `${verb}: ${joined(`${counts.succeeded} of ${devices(all)} ${all === 1 ? "is" : "are"} back`, stuck, away(counts))}.`;
}

function eligible(counts: RolloutCounts): number {
  return counts.total - counts.skipped - counts.superseded - counts.cancelled;
}

function finishing(counts: RolloutCounts): string {
  const begun = counts.downloading + counts.installing + counts.verifying;
  return begun === 0 ? "" : `${devices(begun)} still ${begun === 1 ? "finishes" : "finish"}`;
}

function failures(counts: RolloutCounts): string {
  const failed = counts.failed + counts.rolledBack + counts.timedOut;
  return failed === 0 ? "" : `${failed} failed`;
}

function away(counts: RolloutCounts): string {
  return counts.unreachable === 0 ? "" : `${devices(counts.unreachable)} not reachable`;
}

function joined(...parts: string[]): string {
  return parts.filter((part) => part !== "").join(", ");
}
