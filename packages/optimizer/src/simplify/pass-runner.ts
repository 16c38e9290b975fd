import type { OnnxModel } from "@flotilla/runtime/ir";
import { cloneModel, GraphIndex } from "@flotilla/runtime/ir";
import type { Exactness, Pass, PassChange, PassContext } from "../pass.ts";
import { modelSize } from "./model-size.ts";
import type { ModelSize } from "./model-size.ts";
import type { OutputGate, Verdict } from "./output-gate.ts";

export type PassReport = {
  readonly pass: string;
  readonly round: number;
  readonly exactness: Exactness;
  readonly outcome: "kept" | "rolled back";
  /** Why it was rolled back; null if it was kept. */
  readonly reason: string | null;
  readonly changes: readonly PassChange[];
  readonly before: ModelSize;
  readonly after: ModelSize;
  /** Largest |a - b| / (1 + max|a|) against the model as it came in, with this pass and all kept before. Null: the outputs cannot be compared. */
  readonly error: number | null;
};

type Attempt = { readonly pass: Pass; readonly changes: readonly PassChange[]; readonly before: ModelSize; readonly after: ModelSize };

/** A pass may make the weights grow by this much, or by this share of them. Names and attributes do not count. */
const GROWTH_BYTES_MAX = 64 * 1024;
const GROWTH_SHARE_MAX = 0.01;

/** Runs passes on a copy of a model, one accepted form after the other. What the gate refuses is taken back and not tried again. */
export class PassRunner {
  #model: OnnxModel;
  readonly #gate: OutputGate;
  readonly #context: PassContext;
  readonly #reports: PassReport[] = [];
  readonly #refused = new Set<Pass>();
  readonly #idle = new Map<string, string>();
  #size: ModelSize;
  #error = 0;

  constructor(model: OnnxModel, gate: OutputGate, context: PassContext) {
    this.#model = cloneModel(model);
    this.#size = modelSize(model);
    this.#gate = gate;
    this.#context = context;
  }

  /** The form accepted last. */
  get model(): OnnxModel {
    return this.#model;
  }

  get reports(): readonly PassReport[] {
    return this.#reports;
  }

  /** Error of the form accepted last. */
  get error(): number {
    return this.#error;
  }

  /** Passes that never changed anything, each with the reason. */
  get idle(): readonly { readonly pass: string; readonly reason: string }[] {
    const busy = new Set(this.#reports.map(({ pass }) => pass));
    return [...this.#idle].filter(([pass]) => !busy.has(pass)).map(([pass, reason]) => ({ pass, reason }));
  }

  /** Runs the passes in order; neighbours that are exact are verified together. Whether anything was kept. */
  async run(passes: readonly Pass[], round: number): Promise<boolean> {
    let hasChanged = false;
    for (const batch of batches(passes.filter((pass) => !this.#refused.has(pass)))) {
      this.#context.signal?.throwIfAborted();
      if (await this.#runBatch(batch, round)) hasChanged = true;
    }
    return hasChanged;
  }

  async #runBatch(batch: readonly Pass[], round: number): Promise<boolean> {
    const candidate = cloneModel(this.#model);
    const attempts: Attempt[] = [];
    let size = this.#size;
    for (const pass of batch) {
      const changes = await this.#tryPass(pass, candidate);
      if (typeof changes === "string") {
        if (batch.length > 1) return await this.#runEach(batch, round);
        this.#refuse({ pass, changes: [], before: size, after: size }, round, { ok: false, error: Infinity, reason: changes });
        return false;
      }
      if (changes.length === 0) continue;
      const after = modelSize(candidate);
      attempts.push({ pass, changes, before: size, after });
      size = after;
    }
    const [first] = attempts;
    if (first === undefined) return false;
    const verdict = growthVerdict(this.#size, size) ?? (await this.#gate.check(candidate, first.pass.exactness));
    if (!verdict.ok && attempts.length > 1) return await this.#runEach(batch, round);
    if (!verdict.ok) {
      this.#refuse(first, round, verdict);
      return false;
    }
    this.#model = candidate;
    this.#size = size;
    this.#error = verdict.error;
    for (const attempt of attempts) this.#record(attempt, round, verdict);
    return true;
  }

  /** One of a batch is at fault: each on its own tells which. */
  async #runEach(batch: readonly Pass[], round: number): Promise<boolean> {
    let hasChanged = false;
    for (const pass of batch) if (await this.#runBatch([pass], round)) hasChanged = true;
    return hasChanged;
  }

  /** What the pass changed in `model`, or why it broke off. A mistake in one pass must not cost the others. */
  async #tryPass(pass: Pass, model: OnnxModel): Promise<readonly PassChange[] | string> {
    try {
      const reason = pass.appliesTo(model, this.#context);
      const changes = reason === null ? await pass.run(model, this.#context) : [];
      if (changes.length === 0) this.#idle.set(pass.name, reason ?? "found nothing to change");
      else new GraphIndex(model.graph).removeUnused();
      return changes;
    } catch (error) {
      this.#context.signal?.throwIfAborted();
      return `broke off: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  #refuse(attempt: Attempt, round: number, verdict: Verdict): void {
    this.#refused.add(attempt.pass);
    this.#record(attempt, round, verdict);
  }

  #record({ pass, changes, before, after }: Attempt, round: number, { ok, error, reason }: Verdict): void {
    this.#reports.push({ pass: pass.name, round, exactness: pass.exactness, outcome: ok ? "kept" : "rolled back", reason, changes, before, after, error: Number.isFinite(error) ? error : null });
    const effect = `${before.nodes} → ${after.nodes} nodes, ${before.sizeBytes} → ${after.sizeBytes} bytes`;
    this.#context.onProgress?.(`round ${round}, ${pass.name}: ${ok ? effect : `rolled back, ${reason ?? ""}`}`);
  }
}

/** Runs of exact passes; each other pass for itself. */
function batches(passes: readonly Pass[]): Pass[][] {
  const result: Pass[][] = [];
  for (const pass of passes) {
    const last = result.at(-1);
    const isExact = pass.exactness === "bit-equal";
    if (isExact && last?.[0]?.exactness === "bit-equal") last.push(pass);
    else result.push([pass]);
  }
  return result;
}

function growthVerdict(before: ModelSize, after: ModelSize): Verdict | null {
  const growth = after.weightBytes - before.weightBytes;
  if (growth <= Math.max(GROWTH_BYTES_MAX, before.weightBytes * GROWTH_SHARE_MAX)) return null;
  return { ok: false, error: 0, reason: `the weights would grow by ${growth} bytes` };
}
