import { formatDuration, formatNoun, formatPercent } from "../../lib/format.ts";

/** One row of the wave table. `percent` is cumulative: the share of the fleet that has the build after this wave. */
export type PlannedWave = { percent: number; soakSeconds: number; maxFailurePercent: number };

export type PresetKey = "cautious" | "standard" | "all_at_once";

export const wavePresets: Record<PresetKey, { label: string; why: string; waves: PlannedWave[] }> = {
  cautious: {
    label: "Cautious", why: "Five waves with ten minutes between them. For a model that has not run on this fleet.",
    waves: [
      { percent: 2, soakSeconds: 600, maxFailurePercent: 0 }, { percent: 10, soakSeconds: 600, maxFailurePercent: 5 },
      { percent: 25, soakSeconds: 600, maxFailurePercent: 5 }, { percent: 50, soakSeconds: 600, maxFailurePercent: 5 }, { percent: 100, soakSeconds: 0, maxFailurePercent: 5 },
    ],
  },
  standard: {
    label: "Standard", why: "Three waves: a tenth, a half, everyone.",
    waves: [{ percent: 10, soakSeconds: 120, maxFailurePercent: 5 }, { percent: 50, soakSeconds: 60, maxFailurePercent: 10 }, { percent: 100, soakSeconds: 0, maxFailurePercent: 10 }],
  },
  all_at_once: {
    label: "All at once", why: "One wave. For a lab, or to undo something that is worse.",
    waves: [{ percent: 100, soakSeconds: 0, maxFailurePercent: 20 }],
  },
};

/** Which preset the waves are, or null when somebody changed them. */
export function presetOf(waves: readonly PlannedWave[]): PresetKey | null {
  const text = JSON.stringify(waves);
  const found = Object.entries(wavePresets).find(([, preset]) => JSON.stringify(preset.waves) === text);
  return (found?.[0] as PresetKey | undefined) ?? null;
}

/** What is wrong with the plan, by row; an empty list means it may be started. */
export function waveProblems(waves: readonly PlannedWave[]): { row: number; problem: string }[] {
  const problems: { row: number; problem: string }[] = [];
  let before = 0;
  waves.forEach((wave, row) => {
    if (!(wave.percent > 0 && wave.percent <= 100)) problems.push({ row, problem: "A share lies between 0 and 100 %." });
    else if (wave.percent <= before) problems.push({ row, problem: `Shares add up: this wave must reach more than ${formatPercent(before)}.` });
    if (!Number.isInteger(wave.soakSeconds) || wave.soakSeconds < 0 || wave.soakSeconds > 7 * 86_400) problems.push({ row, problem: "Soak time is a whole number of seconds, at most 7 days." });
    if (!(wave.maxFailurePercent >= 0 && wave.maxFailurePercent <= 100)) problems.push({ row, problem: "The failure limit lies between 0 and 100 %." });
    before = Math.max(before, wave.percent);
  });
  if (waves.length === 0) problems.push({ row: 0, problem: "There must be a wave." });
  else if (waves.at(-1)?.percent !== 100) problems.push({ row: waves.length - 1, problem: "The last wave must reach 100 %." });
  return problems;
}

/** A further wave half way between the last two, so that adding one never makes the plan invalid. */
export function withWaveAdded(waves: readonly PlannedWave[]): PlannedWave[] {
  const last = waves.at(-1) ?? { percent: 100, soakSeconds: 0, maxFailurePercent: 10 };
  const before = waves.at(-2)?.percent ?? 0;
  const percent = Math.round(((before + last.percent) / 2) * 10) / 10;
  return [...waves.slice(0, -1), { ...last, percent, soakSeconds: Math.max(last.soakSeconds, 60) }, last];
}

export function withWaveRemoved(waves: readonly PlannedWave[], row: number): PlannedWave[] {
  const rest = waves.filter((_, i) => i !== row);
  return rest.map((wave, i) => (i === rest.length - 1 ? { ...wave, percent: 100 } : wave));
}

/** "10 %, then 2 min later 50 %, then …" for lists. */
export function planInShort(waves: readonly PlannedWave[]): string {
  return waves.map((wave, i) => {
    const soak = waves[i - 1]?.soakSeconds ?? 0;
    return i === 0 ? formatPercent(wave.percent) : `${soak > 0 ? `after ${formatDuration(soak * 1000)} ` : ""}${formatPercent(wave.percent)}`;
  }).join(", ") + ` (${formatNoun(waves.length, "wave")})`;
}
