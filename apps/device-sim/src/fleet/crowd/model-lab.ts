import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { ModelFailure, type LiveModel, type ModelFiles, type ModelPort, type ProbeOutcome } from "../../agent/model.ts";
import type { SlotContent } from "../../agent/state.ts";
import type { Content } from "./content.ts";

/** A model that runs: what its inferences took on this machine, newest last. */
export type Profile = { readonly loadMs: number; readonly samples: readonly number[] };

/**
 * Where a crowd's models run for real. For each (class, build): one probe with its golden set in a sandbox, and one session that goes on
 * running at a bounded rate; what was measured is shared by all devices of the class, which scale it and mark it as simulated.
 */
export type ModelLab = {
  probe(className: string, content: SlotContent, take: (outcome: ProbeOutcome) => void): void;
  open(className: string, content: SlotContent, take: (opened: Profile | ModelFailure) => void): void;
  close(): Promise<void>;
};

/** Before a model's first numbers are given out: runs that warm it up, and runs that count. */
const WARM_UP_RUNS = 8;
const FIRST_RUNS = 64;
const KEPT_SAMPLES = 1_024;
/** All sessions together run so often once they have their first numbers. */
const RUN_EVERY_MS = 100;
/** Sessions that nobody has asked for lately are closed beyond so many. */
const SESSIONS_AT_MOST = 32;
const PROBE_WALL_MS = 120_000;

type Session = { readonly profile: { loadMs: number; samples: number[] }; readonly live: LiveModel; usedAt: number };

export function createModelLab(models: ModelPort, content: Content, log: Logger): ModelLab {
  const probes = new Map<string, Promise<ProbeOutcome>>();
  const sessions = new Map<string, Promise<Session | ModelFailure>>();
  const running = new Map<string, Session>();
  const written = new Map<string, Promise<ModelFiles>>();
  const stopping = new AbortController();
  const root = mkdtemp(join(tmpdir(), "flotilla-sim-models-"));
  let turn = 0;
  let isBusy = false;
  const timer = setInterval(() => void runNext(), RUN_EVERY_MS);
  timer.unref();

  function filesOf(slot: SlotContent): Promise<ModelFiles> {
    const found = written.get(slot.manifestSha256 + slot.versionId) ?? layOut(slot);
    written.set(slot.manifestSha256 + slot.versionId, found);
    return found;
  }

  async function layOut(slot: SlotContent): Promise<ModelFiles> {
    const dir = join(await root, `${slot.manifestSha256.slice(0, 16)}-${slot.modelSha256.slice(0, 16)}`);
    await mkdir(dir, { recursive: true });
    const put = async (name: string, sha256: string): Promise<string> => {
      const bytes = content.bytes(sha256);
      if (bytes === null) throw new ModelFailure("load", `artifact ${sha256} is gone`);
      await writeFile(join(dir, name), bytes);
      return join(dir, name);
    };
    for (const file of slot.files) await put(file.name, file.sha256);
    const goldenPath = await put("golden-set", slot.goldenSha256);
    return { modelPath: join(dir, slot.modelFile), goldenPath, content: slot };
  }

  async function openSession(key: string, slot: SlotContent): Promise<Session | ModelFailure> {
    try {
      const live = await models.open(await filesOf(slot), { kind: "synthetic", seed: 1 });
      for (let i = 0; i < WARM_UP_RUNS; i += 1) await live.step();
      const samples: number[] = [];
      for (let i = 0; i < FIRST_RUNS; i += 1) samples.push((await live.step()).latencyMs);
      const session: Session = { profile: { loadMs: live.loadMs, samples }, live, usedAt: performance.now() };
      running.set(key, session);
      void live.lost.then((loss) => {
        log.warn({ detail: loss.detail, build: slot.buildName }, "a measured model's process died; it is opened again when next asked for");
        forget(key);
      });
      closeOldest();
      return session;
    } catch (error) {
      sessions.delete(key);
      return error instanceof ModelFailure ? error : new ModelFailure("load", error instanceof Error ? error.message : String(error));
    }
  }

  function forget(key: string): void {
    running.delete(key);
    sessions.delete(key);
  }

  function closeOldest(): void {
    const oldest = running.size > SESSIONS_AT_MOST ? [...running].toSorted((a, b) => a[1].usedAt - b[1].usedAt)[0] : undefined;
    if (oldest === undefined) return;
    forget(oldest[0]);
    void oldest[1].live.close().catch(() => undefined);
  }

  async function runNext(): Promise<void> {
    const all = [...running];
    const next = all[turn % Math.max(all.length, 1)];
    if (isBusy || next === undefined) return;
    turn += 1;
    isBusy = true;
    try {
      const { samples } = next[1].profile;
      samples.push((await next[1].live.step()).latencyMs);
      if (samples.length > KEPT_SAMPLES) samples.shift();
    } catch {
      forget(next[0]);
    } finally {
      isBusy = false;
    }
  }

  return {
    probe(className, slot, take) {
      const key = `${className} ${slot.manifestSha256}`;
      const outcome = probes.get(key) ?? filesOf(slot).then((files) => models.probe(files, { wallMs: PROBE_WALL_MS, signal: stopping.signal }));
      probes.set(key, outcome);
      outcome.then(take, (error: unknown) => {
        probes.delete(key);
        take({ kind: "refused", code: "load_failed", detail: error instanceof Error ? error.message : String(error) });
      });
    },
    open(className, slot, take) {
      const key = `${className} ${slot.manifestSha256}`;
      const session = sessions.get(key) ?? openSession(key, slot);
      sessions.set(key, session);
      void session.then((opened) => {
        if (opened instanceof ModelFailure) return take(opened);
        opened.usedAt = performance.now();
        take(opened.profile);
      });
    },
    async close() {
      stopping.abort(new Error("the simulation is ending"));
      clearInterval(timer);
      await Promise.allSettled([...running.values()].map((session) => session.live.close()));
      await rm(await root, { recursive: true, force: true });
    },
  };
}
