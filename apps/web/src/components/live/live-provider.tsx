"use client";
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { createContext, use, useEffect, useEffectEvent, useRef, useState, type ReactNode } from "react";
import { ApiProblem, apiGet } from "../../lib/api-client.ts";
import { isTouched, type Change } from "../../lib/change-topics.ts";
import { liveState, mustPoll, POLL_EVERY_MS, type LineFacts, type LiveState } from "./connection.ts";

/** Changes that come close together refresh a query once. */
const GATHER_MS = 400;
const RECONNECT_MIN_MS = 1_000;
const RECONNECT_MAX_MS = 15_000;
/** Browsers allow six connections per origin: a tab that nobody looks at gives its one back. */
const HIDDEN_PATIENCE_MS = 60_000;

const LiveContext = createContext<LiveState>({ kind: "connecting" });

/** How fresh the page is. Queries are refreshed by themselves: their key says by which topics (lib/change-topics.ts). */
export function useLive(): LiveState {
  return use(LiveContext);
}

/** One EventSource per tab: hears what changed and refetches the queries that show it. Polls, and says so, when the stream is lost. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>({ kind: "connecting" });
  const facts = useRef<LineFacts>({ startedAt: 0, streamOpen: false, heardAt: null, answeredAt: null, failedAt: null });
  const judge = useEffectEvent(() => setState((before) => sameOr(before, liveState(facts.current, Date.now()))));

  useEffect(() => {
    facts.current.startedAt = Date.now();
    const refresher = new Refresher(client);
    const stopStream = followStream(facts.current, { onChange: (change) => refresher.add(change), onPruned: () => refresher.all(), onFact: () => judge() });
    const stopWatch = watchAnswers(client, facts.current, () => judge());
    const clock = setInterval(() => judge(), 1_000);
    return () => {
      clearInterval(clock);
      stopStream();
      stopWatch();
      refresher.stop();
    };
  }, [client]);

  const polls = mustPoll(state);
  useEffect(() => {
    if (!polls) return;
    const poll = async (): Promise<void> => {
      await ask(facts.current);
      judge();
      await client.invalidateQueries({ refetchType: "active" }, { cancelRefetch: false });
    };
    void poll();
    const timer = setInterval(() => void poll(), POLL_EVERY_MS);
    return () => clearInterval(timer);
  }, [client, polls]);

  return <LiveContext value={state}>{children}</LiveContext>;
}

/** Finds out whether the server answers at all, also on a page without queries. */
async function ask(facts: LineFacts): Promise<void> {
  try {
    await apiGet("/me");
    facts.answeredAt = Date.now();
  } catch (error) {
    if (error instanceof ApiProblem) facts.answeredAt = Date.now();
    else facts.failedAt = Date.now();
  }
}

function sameOr(before: LiveState, after: LiveState): LiveState {
  return JSON.stringify(before) === JSON.stringify(after) ? before : after;
}

/** Gathers changes and invalidates what shows them. A query under way keeps its turn: its answer may be older than the change. */
class Refresher {
  readonly #client: QueryClient;
  #changes: Change[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: QueryClient) {
    this.#client = client;
  }

  add(change: Change): void {
    this.#changes.push(change);
    this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  all(): void {
    void this.#client.invalidateQueries(undefined, { cancelRefetch: false });
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #flush(): void {
    this.#timer = undefined;
    const changes = this.#changes;
    this.#changes = [];
    const again = new Set<Change>();
    void this.#client.invalidateQueries(
      {
        predicate: (query) => {
          const touching = changes.filter((change) => isTouched(query.queryKey, query.meta?.["topics"] as string[] | undefined, change));
          if (touching.length === 0) return false;
          if (query.state.fetchStatus !== "fetching") return true;
          for (const change of touching) again.add(change);
          return false;
        },
      },
      { cancelRefetch: false },
    );
    for (const change of again) this.add(change);
  }
}

type StreamHandlers = { onChange: (change: Change) => void; onPruned: () => void; onFact: () => void };

/** Keeps one stream open, resuming after the last event it heard. Returns how to end it. */
function followStream(facts: LineFacts, handlers: StreamHandlers): () => void {
  let source: EventSource | undefined;
  let lastId = "";
  let retryMs = RECONNECT_MIN_MS;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let hidden: ReturnType<typeof setTimeout> | undefined;

  const heard = (event: Event): void => {
    const { lastEventId } = event as MessageEvent;
    if (lastEventId) lastId = lastEventId;
    retryMs = RECONNECT_MIN_MS;
    facts.streamOpen = true;
    facts.heardAt = Date.now();
    handlers.onFact();
  };
  const close = (): void => {
    clearTimeout(retry);
    source?.close();
    source = undefined;
    facts.streamOpen = false;
  };
  const open = (): void => {
    close();
    source = new EventSource(lastId === "" ? "/api/v1/events" : `/api/v1/events?after=${lastId}`);
    source.addEventListener("hello", heard);
    source.addEventListener("alive", heard);
    source.addEventListener("change", (event) => {
      heard(event);
      handlers.onChange(JSON.parse(event.data as string) as Change);
    });
    source.addEventListener("pruned", (event) => {
      heard(event);
      handlers.onPruned();
    });
    source.addEventListener("error", () => {
      close();
      handlers.onFact();
      retry = setTimeout(open, retryMs / 2 + Math.random() * (retryMs / 2));
      retryMs = Math.min(retryMs * 2, RECONNECT_MAX_MS);
    });
  };
  const onVisibility = (): void => {
    clearTimeout(hidden);
    if (document.visibilityState === "hidden") hidden = setTimeout(close, HIDDEN_PATIENCE_MS);
    else if (source === undefined) open();
  };
  open();
  document.addEventListener("visibilitychange", onVisibility);
  return () => {
    document.removeEventListener("visibilitychange", onVisibility);
    clearTimeout(hidden);
    close();
  };
}

/** Notes of every query whether the server answered at all. */
function watchAnswers(client: QueryClient, facts: LineFacts, onFact: () => void): () => void {
  return client.getQueryCache().subscribe((event) => {
    if (event.type !== "updated") return;
    if (event.action.type === "success") facts.answeredAt = Date.now();
    else if (event.action.type === "error" || event.action.type === "failed") {
      if (event.action.error instanceof ApiProblem) facts.answeredAt = Date.now();
      else facts.failedAt = Date.now();
    } else return;
    onFact();
  });
}
