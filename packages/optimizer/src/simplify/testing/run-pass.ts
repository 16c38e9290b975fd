import type { OnnxModel } from "@flotilla/runtime/ir";
import type { Pass, PassContext } from "../../pass.ts";
import { OutputGate } from "../output-gate.ts";
import { PassRunner } from "../pass-runner.ts";
import type { PassReport } from "../pass-runner.ts";

type PassResult = {
  readonly model: OnnxModel;
  /** Null when the pass changed nothing. */
  readonly report: PassReport | null;
  /** Operators of the result, in the order of the graph. */
  readonly operators: readonly string[];
};

/** Runs one pass on the model and verifies it, as `simplify` does. */
export async function runPass(pass: Pass, model: OnnxModel, context: PassContext = {}): Promise<PassResult> {
  const gate = await OutputGate.open(model, context);
  if (typeof gate === "string") throw new Error(gate);
  const runner = new PassRunner(model, gate, context);
  await runner.run([pass], 1);
  return { model: runner.model, report: runner.reports[0] ?? null, operators: runner.model.graph.nodes.map(({ opType }) => opType) };
}
