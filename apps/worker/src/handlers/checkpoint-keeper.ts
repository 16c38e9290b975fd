import { rm } from "node:fs/promises";
import { join } from "node:path";
import { noteTrainingProgress, type PendingTraining } from "@flotilla/fleet";
import { z } from "zod";
import { canonicalDigest } from "../canonical-json.ts";
import type { JobContext } from "../ports.ts";
import { trainModelStepSchema, type ToldCheckpoint } from "../sandbox/training-schemas.ts";
import { layFiles } from "../staged-files.ts";
import type { StagedDataset } from "./staged-dataset.ts";

/** The step that holds the newest checkpoint. */
const CHECKPOINT = "checkpoint";
const keptSchema = z.object({ epoch: z.number(), step: z.number(), parts: z.string().optional(), points: z.array(z.object({ name: z.string(), step: z.number(), value: z.number() })) });
/** Points that are younger than that may not be written yet when a worker dies: a checkpoint carries them along. */
const UNWRITTEN_MS = 10_000;

/** Names all that a checkpoint depends on: recipe but for the budget, start, and the bytes of examples, model and teacher. */
export function digestOfParts({ start, recipe }: PendingTraining, dataset: StagedDataset, digests: { model: readonly string[] | null; teacher: readonly string[] | null }): string {
  const { budget: _, ...rest } = recipe;
  return canonicalDigest({ start, recipe: rest, dataset: dataset.sha256, ...digests });
}

/** The newest checkpoint in the job's directory, when an earlier attempt kept one of the same parts; one of others is left alone, and the training begins anew. */
export async function newestCheckpoint(parts: string, context: JobContext): Promise<string | null> {
  const kept = await context.kept(CHECKPOINT);
  if (kept?.artifact == null) return null;
  const { epoch, points, parts: keptParts } = keptSchema.parse(kept.result);
  if (keptParts !== undefined && keptParts !== parts) {
    context.report({ logs: [{ level: "warn", text: "The newest checkpoint was made from another recipe, model, teacher or dataset: the training begins anew." }] });
    return null;
  }
  const [laid] = await layFiles(context.store, [{ name: "checkpoint", ...kept.artifact }], join(context.workDir, "checkpoint"), context.signal);
  context.report({ metrics: points, logs: [{ level: "info", text: `Goes on behind epoch ${epoch}, which an earlier attempt finished.` }] });
  return laid?.path ?? null;
}

type Point = z.infer<typeof keptSchema>["points"][number];

type Kept = { training: PendingTraining; /** `digestOfParts` */ parts: string; /** To learn from. */ examples: number; /** In the attempts before this one. */ ranBeforeMs: number };

type Waiting = { readonly checkpoint: ToldCheckpoint; readonly points: readonly Point[] };

/**
 * Takes what the child tells: points and lines go to the job at once, checkpoints into the store one after the other. Where epochs end quicker than
 * they are kept, only the newest waits: a kill never costs more than what was learnt while one was being kept.
 */
export class CheckpointKeeper {
  readonly #of: Kept;
  readonly #context: JobContext;
  readonly #stepsPerEpoch: number;
  readonly #beganMs = performance.now();
  #keeping: Promise<void> = Promise.resolve();
  #waiting: Waiting | undefined;
  #recent: { points: readonly Point[]; atMs: number }[] = [];

  constructor(of: Kept, context: JobContext) {
    this.#of = of;
    this.#context = context;
    const { examples, training: { recipe: { batchSize, accumulation } } } = of;
    this.#stepsPerEpoch = Math.max(1, Math.floor(examples / (Math.min(batchSize, examples) * accumulation)));
  }

  take(value: unknown): void {
    const step = trainModelStepSchema.safeParse(value);
    if (!step.success) return;
    if ("points" in step.data) {
      this.#recent.push({ points: step.data.points, atMs: performance.now() });
      this.#context.report({ metrics: step.data.points });
    } else if ("line" in step.data) {
      this.#context.report({ logs: [{ level: "info", text: step.data.line }] });
    } else {
      const { checkpoint } = step.data;
      this.#recent = this.#recent.filter(({ atMs }) => performance.now() - atMs < UNWRITTEN_MS);
      const overtaken = this.#waiting;
      this.#waiting = { checkpoint, points: this.#recent.flatMap((told) => told.points) };
      this.#keeping = this.#keeping.then(async () => {
        if (overtaken !== undefined) await rm(overtaken.checkpoint.path, { force: true });
        await this.#keepWaiting();
      });
      // Who awaits `done` hears of it; until then it is nobody's.
      this.#keeping.catch(() => undefined);
    }
  }

  done(): Promise<void> {
    return this.#keeping;
  }

  async #keepWaiting(): Promise<void> {
    if (this.#waiting === undefined) return;
    const { checkpoint, points } = this.#waiting;
    this.#waiting = undefined;
    await this.#keep(checkpoint, points);
  }

  async #keep({ path, epoch, step, best }: ToldCheckpoint, points: readonly Point[]): Promise<void> {
    const { training: { id, recipe }, parts, ranBeforeMs } = this.#of;
    await this.#context.step(CHECKPOINT, { epoch, step }, async () => ({ result: { epoch, step, best, points, parts }, artifact: await this.#context.store.put({ file: path }) }));
    await rm(path, { force: true });
    const ranMs = ranBeforeMs + performance.now() - this.#beganMs;
    await this.#context.transact((tx) => noteTrainingProgress(tx, id, { epoch, step, stepsPerEpoch: this.#stepsPerEpoch, ranMs, best }));
    const { epochs, minutes } = recipe.budget;
    const share = Math.max(epochs === null ? 0 : epoch / epochs, minutes === null ? 0 : ranMs / (minutes * 60_000));
    const found = best === null ? "" : `; best ${best.metric} ${best.metric.endsWith("accuracy") ? `${(100 * best.value).toFixed(2)} %` : best.value.toPrecision(4)} in epoch ${best.epoch}`;
    this.#context.report({ progress: 0.95 * Math.min(1, share), progressText: `Epoch ${epoch}${epochs === null ? "" : ` of ${epochs}`}${found}`, logs: [{ level: "info", text: `Epoch ${epoch} is over${found}.` }] });
  }
}
