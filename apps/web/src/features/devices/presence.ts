import type { DeviceSummary, Presence } from "@flotilla/fleet";
import type { StatePart } from "../../components/charts/state-bar.tsx";

/** Words, colours and the definition behind each presence: shown where a person asks "which online is meant?". */
export const presenceWords: Record<Presence, { word: string; color: string; pattern?: "hatched" | "dotted"; meaning: string }> = {
  reporting: { word: "reporting", color: "--state-ok", meaning: "Synced within three sync intervals." },
  late: { word: "late", color: "--state-warn", meaning: "Missed at least three sync intervals, fewer than ten." },
  silent: { word: "silent", color: "--state-away", pattern: "hatched", meaning: "Missed ten sync intervals or more. What is shown of it is old." },
  never: { word: "never seen", color: "--state-none", pattern: "dotted", meaning: "Enrolled, but has not synced yet." },
};

export const presenceOrder: readonly Presence[] = ["reporting", "late", "silent", "never"];

/** Parts of a fleet's presence bar. */
export function presenceParts(byPresence: DeviceSummary["byPresence"]): StatePart[] {
  return presenceOrder.map((presence) => {
    const { word, color, pattern } = presenceWords[presence];
    return { key: presence, label: word, count: byPresence[presence], color, ...(pattern === undefined ? {} : { pattern }) };
  });
}

/** What a device reports is old once it is silent: greyed and hatched, with its age. */
export function isStale(presence: Presence): boolean {
  return presence === "silent" || presence === "never";
}
