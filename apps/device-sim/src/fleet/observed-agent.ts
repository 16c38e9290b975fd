import { syncRequestSchema } from "@flotilla/protocol";
import type { Agent } from "../agent/agent.ts";
import type { Clock } from "../agent/clock.ts";
import { NetworkError, type Net } from "../agent/net.ts";
import type { FleetStats } from "./fleet-stats.ts";

/** The agent's network with its calls counted: what goes over it is not touched. */
export function countedNet(net: Net, stats: FleetStats, clock: Clock): Net {
  let isOnline = false;
  const setOnline = (now: boolean): void => {
    if (now !== isOnline) stats.online += now ? 1 : -1;
    isOnline = now;
  };
  return {
    async request(request) {
      const isSync = request.path === "/device/v1/sync";
      const sentMs = clock.monotonicMs();
      try {
        const response = await net.request(request);
        if (response.status >= 400) stats.error(`http_${response.status}`);
        else if (request.path.startsWith("/device/v1/artifacts/")) stats.artifacts += 1;
        if (isSync && response.status === 200) {
          stats.synced(clock.monotonicMs() - sentMs);
          countDropped(request.body ?? "", stats);
        }
        if (isSync) setOnline(response.status === 200);
        return response;
      } catch (error) {
        if (isSync && !(request.signal?.aborted ?? false)) {
          setOnline(false);
          stats.error(error instanceof NetworkError ? error.message : "network");
        }
        throw error;
      }
    },
    close() {
      setOnline(false);
      return net.close();
    },
  };
}

/** Only a batch that the server answered counts: what it declares lost is lost then. */
function countDropped(body: string, stats: FleetStats): void {
  if (!body.includes('"dropped"')) return;
  for (const [from, to] of syncRequestSchema.safeParse(JSON.parse(body)).data?.telemetry?.dropped ?? []) stats.windows.dropped += to - from + 1;
}

/** Adds up what the agents' states and ledgers say. */
export function countInstalls(stats: FleetStats): { look(agents: ReadonlyMap<string, Agent>): void } {
  const counted = new Map<string, number>();
  const ledgers = new Map<string, { produced: number; acked: number }>();
  return {
    look(agents) {
      for (const [name, agent] of agents) {
        const { target, deployment } = agent.state();
        const { epoch, produced, acked } = agent.status().telemetry;
        ledgers.set(`${name} ${epoch}`, { produced, acked });
        const isEnd = deployment?.phase === "succeeded" || deployment?.phase === "failed";
        if (target === null || deployment === null || !isEnd || counted.get(name) === target.targetVersion) continue;
        counted.set(name, target.targetVersion);
        const { failure } = deployment;
        stats.installed(deployment.phase === "succeeded" ? "succeeded" : failure?.code === "probation_failed" ? "rolled_back" : "failed", failure?.code);
      }
      stats.enrolled = [...agents.values()].filter((agent) => agent.status().standing === "enrolled").length;
      const all = [...ledgers.values()];
      stats.windows.produced = all.reduce((sum, ledger) => sum + ledger.produced, 0);
      stats.windows.acked = Math.max(all.reduce((sum, ledger) => sum + ledger.acked, 0) - stats.windows.dropped, 0);
    },
  };
}
