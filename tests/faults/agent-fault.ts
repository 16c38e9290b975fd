import { type Fault } from "./fault.ts";

const KILLS = 300;

type AgentCounts = { kills: number; programKills: number; installs: number; duringStart: number; torn: number; bricked: number; lost: number; findings: string[] };

/** kill -9 of device agents with an install under way. The killing and looking is the device plane's own (apps/device-sim/src/testing/kill-agents.ts). */
export const agentFault: Fault = {
  name: "agent",
  async run(context) {
    const kills = Math.ceil(KILLS * context.scale);
    let counts: AgentCounts | null = null;
    const program = context.programs.start("apps/device-sim/src/testing/kill-agents-main.ts", {
      args: ["--kills", String(kills), "--seed", String(context.random.between(1, 2 ** 30))],
      onLine: (line) => {
        if (line.msg === "done") counts = line as unknown as AgentCounts;
      },
    });
    await program.exited;
    const found = counts as AgentCounts | null;
    if (found === null) throw new Error("the agent kills ended without counts");
    for (const finding of found.findings) context.log(finding);
    return [{
      what: `kill -9 of device agents, each with an install under way (${found.programKills} kills of the program, the others of crews of agents)`,
      tried: found.kills, atLeast: kills, lost: found.lost, duplicate: 0, torn: found.torn, stuck: found.bricked,
      facts: [`${found.installs} installs reached their end between the kills; ${found.duringStart} kills found the agent still starting; every agent reached its target in the end`],
    }];
  },
};
