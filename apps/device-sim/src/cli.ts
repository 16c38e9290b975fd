#!/usr/bin/env node
import { AGENT_USAGE, runAgentCommand } from "./agent-command.ts";
import { SIM_USAGE, runSimCommand } from "./sim-command.ts";
import { UsageError } from "./usage-error.ts";

// `agent` runs this machine as one device; `sim` runs many simulated devices.

const [command, ...args] = process.argv.slice(2);

try {
  if (command === "agent" && !wantsHelp(args)) await runAgentCommand(args);
  else if (command === "sim" && !wantsHelp(args)) await runSimCommand(args);
  else {
    process.stdout.write(`${[AGENT_USAGE, SIM_USAGE].filter((usage) => command === undefined || command.startsWith("-") || usage.startsWith(command)).join("\n\n")}\n`);
    process.exitCode = command === undefined || (command !== "agent" && command !== "sim" && !command.startsWith("-")) ? 2 : 0;
  }
} catch (error) {
  if (error instanceof UsageError) process.stderr.write(`${error.message}\n\n${error.usage}\n`);
  else process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}

function wantsHelp(given: readonly string[]): boolean {
  return given.includes("--help") || given.includes("-h");
}
