import { pairedDifference } from "@flotilla/optimizer";
import { seededRandom } from "@flotilla/runtime";
import { rightShare } from "./right-answers.ts";

/** Answers of two models to the same examples: what the second one has right more often, in percentage points with its interval at 95 %. */
export function differenceOf(before: Uint8Array, after: Uint8Array): { differencePp: number; lowPp: number; highPp: number } {
  const counts = { bothRight: 0, lost: 0, gained: 0, bothWrong: 0 };
  for (const [i, was] of before.entries()) counts[was === 1 ? (after[i] === 1 ? "bothRight" : "lost") : after[i] === 1 ? "gained" : "bothWrong"] += 1;
  return pairedDifference(counts);
}

export function differenceInWords(before: Uint8Array, after: Uint8Array): string {
  const { differencePp, lowPp, highPp } = differenceOf(before, after);
  return `${signed(differencePp)} pp (${signed(lowPp)} to ${signed(highPp)})`;
}

const RESAMPLES = 1_000;
const TAIL = 0.025;

/** Which share of what was lost is there again, with its interval at 95 % by drawing the examples anew (Efron 1979, percentiles). */
export function recoveredShare({ before, spoiled, after }: { before: Uint8Array; spoiled: Uint8Array; after: Uint8Array }): { share: number; low: number; high: number } {
  const recovered = (was: number, lost: number, now: number): number => (now - lost) / (was - lost);
  const random = seededRandom(1);
  const drawn = Array.from({ length: RESAMPLES }, () => {
    let [was, lost, now] = [0, 0, 0];
    for (let i = 0; i < before.length; i += 1) {
      const at = Math.floor(random() * before.length);
      was += before[at] ?? 0;
      lost += spoiled[at] ?? 0;
      now += after[at] ?? 0;
    }
    return recovered(was, lost, now);
  }).toSorted((a, b) => a - b);
  const at = (share: number): number => drawn[Math.round(share * (RESAMPLES - 1))] ?? Number.NaN;
  return { share: recovered(rightShare(before), rightShare(spoiled), rightShare(after)), low: at(TAIL), high: at(1 - TAIL) };
}

export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
const signed = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
