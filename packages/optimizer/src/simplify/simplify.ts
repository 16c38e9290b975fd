import type { OnnxModel } from "@flotilla/runtime/ir";
import { cloneModel } from "@flotilla/runtime/ir";
import type { Pass, PassContext } from "../pass.ts";
import { OutputGate } from "./output-gate.ts";
import { INTEGER_PASSES, NORMALISING_PASSES, REPEATED_PASSES } from "./passes.ts";
import { PassRunner } from "./pass-runner.ts";
import type { PassReport } from "./pass-runner.ts";
import { modelSize } from "./model-size.ts";
import type { ModelSize } from "./model-size.ts";

export type SimplifyOptions = {
  /** "integer": also rewrite what has no integer kernel into more nodes that have one; slower as long as the model is float. Default "float". */
  readonly target?: "float" | "integer";
  /** Names of passes to leave out. */
  readonly without?: readonly string[];
};

export type SimplifyReport = {
  readonly before: ModelSize;
  readonly after: ModelSize;
  readonly rounds: number;
  /** Inputs on which each rewritten form was compared with the model as it came in. */
  readonly verifiedRuns: number;
  /** Largest |a - b| / (1 + max|a|) of the result against the model as it came in. */
  readonly error: number;
  /** Each pass that changed something, in order, with what became of it. */
  readonly passes: readonly PassReport[];
  /** Passes that had nothing to do, and why. */
  readonly idle: readonly { readonly pass: string; readonly reason: string }[];
  /** Set when nothing was tried: why. */
  readonly untouched: string | null;
};

/** Rewrites enable each other a few times over; a pair of passes that undo each other must not hang the job. */
const ROUNDS_MAX = 12;

/**
 * Rewrites the model into an equal one of fewer nodes: normalises it, then runs the passes round after round until nothing changes.
 * Every result is compared with the original in ONNX Runtime and taken back if it differs. `model` itself stays as it is.
 */
export async function simplify(model: OnnxModel, context: PassContext = {}, options: SimplifyOptions = {}): Promise<{ model: OnnxModel; report: SimplifyReport }> {
  const gate = await OutputGate.open(model, context);
  if (typeof gate === "string") return { model: cloneModel(model), report: untouchedReport(model, gate) };
  const chosen = (passes: readonly Pass[]) => passes.filter(({ name }) => options.without?.includes(name) !== true);
  const runner = new PassRunner(model, gate, context);
  await runner.run(chosen(NORMALISING_PASSES), 0);
  let rounds = await runToRest(runner, chosen(REPEATED_PASSES), 1);
  if (options.target === "integer" && (await runner.run(chosen(INTEGER_PASSES), rounds + 1))) {
    rounds = await runToRest(runner, chosen(REPEATED_PASSES), rounds + 1);
  }
  const { model: result, reports, idle, error } = runner;
  return {
    model: result,
    report: { before: modelSize(model), after: modelSize(result), rounds, verifiedRuns: gate.runs, error, passes: reports, idle, untouched: null },
  };
}

async function runToRest(runner: PassRunner, passes: readonly Pass[], firstRound: number): Promise<number> {
  for (let round = firstRound; ; round += 1) {
    const hasChanged = await runner.run(passes, round);
    if (!hasChanged || round === firstRound + ROUNDS_MAX - 1) return round;
  }
}

function untouchedReport(model: OnnxModel, reason: string): SimplifyReport {
  const size = modelSize(model);
  return { before: size, after: size, rounds: 0, verifiedRuns: 0, error: 0, passes: [], idle: [], untouched: reason };
}
