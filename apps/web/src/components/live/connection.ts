/** How fresh a page is, always told in words. */
export type LiveState =
  | { kind: "connecting" }
  | { kind: "live" }
  | { kind: "delayed"; seconds: number }
  | { kind: "polling" }
  | { kind: "disconnected"; sinceMs: number };

/** What the page knows about its line to the server. Times in ms; null = never. */
export type LineFacts = {
  startedAt: number;
  streamOpen: boolean;
  /** Last sign of life on the stream, heartbeats included. */
  heardAt: number | null;
  /** Last answer of the API of any kind, and last request without one. */
  answeredAt: number | null;
  failedAt: number | null;
};

export const HEARTBEAT_LATE_MS = 20_000;
export const STREAM_LOST_MS = 45_000;
export const POLL_EVERY_MS = 10_000;
const CONNECT_PATIENCE_MS = 4_000;

/** Decides which of the states holds. */
export function liveState(facts: LineFacts, nowMs: number): LiveState {
  const silentMs = facts.heardAt === null ? Number.POSITIVE_INFINITY : nowMs - facts.heardAt;
  if (facts.streamOpen && silentMs < HEARTBEAT_LATE_MS) return { kind: "live" };
  if (facts.streamOpen && silentMs < STREAM_LOST_MS) return { kind: "delayed", seconds: Math.round(silentMs / 1000) };
  const lastGood = Math.max(facts.answeredAt ?? 0, facts.heardAt ?? 0);
  if (facts.failedAt !== null && facts.failedAt > lastGood) return { kind: "disconnected", sinceMs: lastGood === 0 ? facts.startedAt : lastGood };
  if (facts.heardAt === null && nowMs - facts.startedAt < CONNECT_PATIENCE_MS) return { kind: "connecting" };
  return { kind: "polling" };
}

/** Whether the page must ask by itself because nobody tells it. */
export function mustPoll(state: LiveState): boolean {
  return state.kind === "polling" || state.kind === "disconnected";
}
