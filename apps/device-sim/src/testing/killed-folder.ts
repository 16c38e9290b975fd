import { openModel } from "@flotilla/runtime";
import { pino } from "pino";
import { join } from "node:path";
import { createDisk, nodeFsSteps, type Disk, type FsSteps } from "../agent/disk.ts";
import { loadEnrollment, loadIdentity } from "../agent/identity.ts";
import { openLedger } from "../agent/ledger.ts";
import { systemRandom } from "../agent/random.ts";
import { modelFilesOf, slotDamage } from "../agent/slots.ts";
import { loadState, type AgentState } from "../agent/state.ts";
import type { PeerDevice } from "./gateway-peer.ts";
import { ManualClock } from "./manual-clock.ts";

/** What is wrong with the data folder of an agent that was killed. `torn`: a file that must be whole is not. `lost`: something durable is gone. */
export type FolderFinding = { readonly kind: "torn" | "lost"; readonly what: string };

export type KilledFolder = { readonly findings: FolderFinding[]; readonly state: AgentState | null };

const log = pino({ level: "silent" });
/** Digests that ONNX Runtime was seen to load in this process; verified bytes need no second proof. */
const loadable = new Set<string>();

/**
 * Looks at a folder the way the next start will, without changing it. `known` is what the server knows of the device (null: never
 * enrolled), `hadModel` whether a model was running in an earlier life.
 */
export async function lookAtKilledFolder(dir: string, known: PeerDevice | null, hadModel: boolean): Promise<KilledFolder> {
  const disk = createDisk(dir, readOnly(nodeFsSteps));
  const findings: FolderFinding[] = [];
  const state = await loadState(disk).catch((error: unknown) => {
    findings.push({ kind: "torn", what: String(error) });
    return null;
  });
  if (state !== null) findings.push(...(await modelFindings(disk, state, hadModel)));
  for (const name of await disk.list("blobs")) {
    if (name.includes(".")) continue;
    const found = await disk.digest(join("blobs", name));
    if (found !== null && found.sha256 !== name) findings.push({ kind: "torn", what: `blob ${name} has digest ${found.sha256}` });
  }
  if (known !== null) findings.push(...(await memoryFindings(disk, known)));
  return { findings, state };
}

async function modelFindings(disk: Disk, state: AgentState, hadModel: boolean): Promise<FolderFinding[]> {
  const findings: FolderFinding[] = [];
  for (const name of ["a", "b"] as const) {
    const slot = state.slots[name];
    if (slot.state !== "ready") continue;
    const damage = await slotDamage(disk, name, slot.content);
    if (damage !== null) findings.push({ kind: "torn", what: `slot ${name} is said to be ready: ${damage}` });
  }
  const active = state.active === null ? null : state.slots[state.active];
  if (active === null || active.state === "empty") {
    if (hadModel) findings.push({ kind: "lost", what: "no model is active, and there was one" });
    return findings;
  }
  if (state.active === null || loadable.has(active.content.modelSha256) || findings.length > 0) return findings;
  try {
    const model = await openModel(modelFilesOf(disk, state.active, active.content).modelPath, active.content);
    await model.close();
    loadable.add(active.content.modelSha256);
  } catch (error) {
    findings.push({ kind: "torn", what: `the active model cannot be loaded: ${String(error)}` });
  }
  return findings;
}

/** Key, enrolment and numbers of windows: what the server believes of the device must be true of its disk. */
async function memoryFindings(disk: Disk, known: PeerDevice): Promise<FolderFinding[]> {
  const findings: FolderFinding[] = [];
  const identity = await loadIdentity(disk).catch((error: unknown) => String(error));
  if (typeof identity === "string") findings.push({ kind: "torn", what: identity });
  else if (identity.publicKey !== known.publicKey) findings.push({ kind: "lost", what: "the device has another key" });
  const enrollment = await loadEnrollment(disk);
  if (known.syncs.length > 0 && enrollment?.deviceId !== known.id) findings.push({ kind: "lost", what: "the enrolment is gone" });
  const ledger = await openLedger({ disk, clock: new ManualClock(), random: systemRandom, bootId: "look", log, capBytes: 2 ** 30 });
  const { epoch, produced } = ledger.status();
  for (const [id, { watermark }] of known.epochs) {
    if (id !== epoch) findings.push({ kind: "lost", what: `the ledger's epoch ${id} is gone` });
    else if (produced < watermark) findings.push({ kind: "lost", what: `the server holds ${watermark} windows, the device believes it made ${produced}` });
  }
  return findings;
}

/** Reads go through, changes are forgotten. */
function readOnly(steps: FsSteps): FsSteps {
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    ...steps, makeDirectory: nothing, writeFile: nothing, appendFile: nothing, truncate: nothing, syncFile: nothing, syncDirectory: nothing, rename: nothing, link: nothing,
    removeFile: nothing, removeTree: nothing, openAppend: () => Promise.resolve({ write: nothing, sync: nothing, close: nothing }),
  };
}
