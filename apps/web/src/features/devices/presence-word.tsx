import type { Presence } from "@flotilla/fleet";
import { StateSwatch } from "../../components/charts/state-bar.tsx";
import { presenceWords } from "./presence.ts";

/** A device's presence as swatch and word; its definition on hover. */
export function PresenceWord({ presence }: { presence: Presence }) {
  const { word, color, pattern, meaning } = presenceWords[presence];
  return <span title={meaning} className="inline-flex items-center gap-1.5 whitespace-nowrap"><StateSwatch color={color} pattern={pattern} />{word}</span>;
}
