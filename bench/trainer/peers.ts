// This project's trainer beside others on this machine. A peer is a command that answers the questions of peer-process.ts, for instance a script with the same networks in another framework.
import type { Row } from "../optimizer/row.ts";
import { notAtHand } from "../optimizer/row.ts";
import { peerGradients } from "./peer-gradients.ts";
import { PEER_NETWORKS } from "./peer-networks.ts";
import { PeerProcess, PeerRefusal } from "./peer-process.ts";
import { peerSpeed } from "./peer-speed.ts";

const WITHOUT_GRADIENTS = "resnet-18";
const WITH_RELU = ["seed-cnn", "resnet-8", "mobilenet", "keyword-spotter"];
const [BATCHES, THREADS] = [[32, 128], [1, 2]] as const;
/** How many times a peer's speed is asked for: by the beginning of its name. Of the seed network only on one thread. */
const LEAST: Readonly<Record<string, Readonly<Record<string, number>>>> = { "seed-cnn": { PyTorch: 1.2, Keras: 1 }, mobilenet: { PyTorch: 0.9 }, "resnet-18": { PyTorch: 0.6 } };
const TIMED: Readonly<Record<string, { rounds: number; blockSeconds: number }>> = { "seed-cnn": { rounds: 9, blockSeconds: 0.4 }, "resnet-8": { rounds: 5, blockSeconds: 0.5 }, mobilenet: { rounds: 5, blockSeconds: 0.5 }, "resnet-18": { rounds: 2, blockSeconds: 0.1 } };

/** The parts of the bench that want a peer: gradients of whole networks, and the speed of some. */
export const PEER_PARTS: Readonly<Record<string, (workDir: string, commands: readonly string[]) => Promise<Row[]>>> = {
  gradients,
  ...Object.fromEntries(Object.keys(TIMED).map((network) => [`beside-${network}`, (_: string, commands: readonly string[]) => speeds(network, commands)])),
};

async function gradients(workDir: string, commands: readonly string[]): Promise<Row[]> {
  const networks = Object.keys(PEER_NETWORKS).filter((network) => network !== WITHOUT_GRADIENTS);
  if (commands.length === 0) return [notAtHand("gradients", `whole networks (${networks.join(", ")}) beside a peer's`, "at most 1e-4", "no --peer")];
  const rows: Row[] = [];
  for (const command of commands) {
    const peer = new PeerProcess(command);
    try {
      const name = await nameOf(peer);
      for (const network of networks) for (const isSmooth of WITH_RELU.includes(network) ? [false, true] : [false]) rows.push(await peerGradients(peer, name, { network, isSmooth, workDir }));
    } catch (error) {
      if (!(error instanceof PeerRefusal)) throw error;
    } finally {
      peer.close();
    }
  }
  return rows;
}

async function speeds(network: string, commands: readonly string[]): Promise<Row[]> {
  const timing = TIMED[network];
  if (commands.length === 0 || timing === undefined) return [notAtHand("peer", `${network}, speed beside a peer`, "", "no --peer")];
  const rows: Row[] = [];
  for (const threads of THREADS) {
    // A process per number of threads: some frameworks are told once.
    const processes = commands.map((command) => new PeerProcess(command));
    try {
      const names = await Promise.all(processes.map(nameOf));
      const peers = processes.map((process, i) => ({ name: names[i] ?? "", process, least: leastOf(network, names[i] ?? "", threads) }));
      for (const batch of BATCHES) rows.push(...(await peerSpeed({ network, batch, threads }, peers, timing)));
    } finally {
      for (const process of processes) process.close();
    }
  }
  return rows;
}

async function nameOf(peer: PeerProcess): Promise<string> {
  return String((await peer.ask({ ask: "name" }))["name"]);
}

function leastOf(network: string, name: string, threads: number): number | null {
  if (network === "seed-cnn" && threads > 1) return null;
  return Object.entries(LEAST[network] ?? {}).find(([beginning]) => name.startsWith(beginning) && !name.includes("channels_last"))?.[1] ?? null;
}
