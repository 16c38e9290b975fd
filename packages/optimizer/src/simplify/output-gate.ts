import { ModelRefusal, openModel } from "@flotilla/runtime";
import type { DimensionOverrides, OpenModel, SessionSettings, Tensors } from "@flotilla/runtime";
import type { OnnxGraph, OnnxModel } from "@flotilla/runtime/ir";
import { subgraphs, writeOnnx } from "@flotilla/runtime/ir";
import type { Exactness, PassContext } from "../pass.ts";
import { largestError } from "./output-error.ts";
import { RANDOM_OPERATORS } from "./operator-traits.ts";
import { dimensionChoices, trialFeeds } from "./trial-feeds.ts";

/** Relative to 1 + the largest magnitude of the tensor: |a - b| ≤ tolerance · (1 + max|a|). */
const ROUNDING_TOLERANCE = 1e-4;
/**
 * For models that compute in float16, also for exact edits: this runtime widens what it has no float16 kernel for and narrows behind it, and
 * leaves out the pair between two neighbours, so that removing a node moves roundings. One step of float16 at 1.
 */
const HALF_TOLERANCE = 2 ** -10;
const RUNS_DEFAULT = 8;
/** Different choices of sizes for symbolic dimensions that are tried, if the model takes as many. */
const DIMENSION_CHOICES_MAX = 3;

/** Kernels that do not depend on what is constant: packed weights take another way through the matrix product, with other roundings. */
const PLAIN_SESSION: SessionSettings = { graphOptimization: "disabled", sessionConfig: { disable_prepacking: "1" } };

export type Verdict = {
  readonly ok: boolean;
  /** Largest |a - b| / (1 + max|a|) over all outputs and inputs, against the model as it came in. */
  readonly error: number;
  /** Why not, null if ok. */
  readonly reason: string | null;
};

/**
 * Holds the outputs of a model before it was rewritten, and compares those of rewritten forms with them in ONNX Runtime, with its
 * graph optimisation off. Two references: the model as it came in, which bounds what rounding may add up to, and the form accepted
 * last, which exact edits have to reproduce.
 */
export class OutputGate {
  readonly #feeds: readonly Tensors[];
  readonly #original: readonly Tensors[];
  readonly #isHalf: boolean;
  #accepted: readonly Tensors[];

  private constructor(feeds: readonly Tensors[], outputs: readonly Tensors[], isHalf: boolean) {
    this.#feeds = feeds;
    this.#isHalf = isHalf;
    this.#original = outputs;
    this.#accepted = outputs;
  }

  /** Opens `model` and runs it on random inputs and on the examples. A string says why nothing can be verified with this model. */
  static async open(model: OnnxModel, context: PassContext): Promise<OutputGate | string> {
    const random = randomOperator(model.graph);
    if (random !== null) return `${random} gives other outputs each time, so no rewrite of this model can be verified`;
    let session: OpenModel;
    try {
      session = await openModel(writeOnnx(model), PLAIN_SESSION);
    } catch (error) {
      return refusalText(error);
    }
    try {
      if (session.unsupportedOutputs.length > 0) return `output "${session.unsupportedOutputs.join(", ")}" is not a tensor and cannot be compared`;
      const feeds: Tensors[] = [];
      const outputs: Tensors[] = [];
      for await (const [input, output] of referenceRuns(session, context)) {
        feeds.push(input);
        outputs.push(output);
      }
      return new OutputGate(feeds, outputs, usesHalf(model.graph));
    } catch (error) {
      return refusalText(error);
    } finally {
      await session.close();
    }
  }

  /** Number of inputs that each form is run on. */
  get runs(): number {
    return this.#feeds.length;
  }

  /** Runs `candidate`; when it passes, its outputs are what later exact edits have to reproduce. */
  async check(candidate: OnnxModel, exactness: Exactness): Promise<Verdict> {
    let session: OpenModel | null = null;
    try {
      session = await openModel(writeOnnx(candidate), PLAIN_SESSION);
      const outputs: Tensors[] = [];
      for (const feeds of this.#feeds) outputs.push(await session.run(feeds));
      const error = largestError(this.#original, outputs);
      const moved = largestError(this.#accepted, outputs);
      const tolerance = this.#isHalf ? HALF_TOLERANCE : ROUNDING_TOLERANCE;
      const exactTolerance = this.#isHalf ? HALF_TOLERANCE : 0;
      if (exactness === "bit-equal" && !(moved <= exactTolerance)) return { ok: false, error, reason: `outputs moved by ${moved.toExponential(2)}, and this edit has to be exact` };
      if (!(error <= tolerance)) return { ok: false, error, reason: `outputs moved by ${error.toExponential(2)}, more than ${tolerance.toExponential(2)}` };
      this.#accepted = outputs;
      return { ok: true, error, reason: null };
    } catch (error) {
      return { ok: false, error: Infinity, reason: refusalText(error) };
    } finally {
      await session?.close();
    }
  }
}

/** Inputs and outputs of as many runs as the context asks for; the sizes of symbolic dimensions are those the model takes. */
async function* referenceRuns(session: OpenModel, context: PassContext): AsyncGenerator<[Tensors, Tensors]> {
  const seed = context.seed ?? 1;
  const working: DimensionOverrides[] = [];
  const first: [Tensors, Tensors][] = [];
  let refusal: unknown = null;
  for (const dimensions of dimensionChoices(session.inputs, context.dimensions ?? {})) {
    if (working.length === DIMENSION_CHOICES_MAX) break;
    const feeds = trialFeeds(session.inputs, dimensions, seed, working.length);
    try {
      first.push([feeds, await session.run(feeds)]);
      working.push(dimensions);
    } catch (error) {
      refusal = error;
    }
  }
  if (working.length === 0) throw refusal;
  yield* first;
  for (let trial = first.length; trial < (context.verifyRuns ?? RUNS_DEFAULT); trial += 1) {
    context.signal?.throwIfAborted();
    const feeds = trialFeeds(session.inputs, working[trial % working.length] ?? {}, seed, trial);
    yield [feeds, await session.run(feeds)];
  }
  for (const feeds of context.examples ?? []) yield [feeds, await session.run(feeds)];
}

function randomOperator(graph: OnnxGraph): string | null {
  for (const node of graph.nodes) {
    if (RANDOM_OPERATORS.has(node.opType)) return node.opType;
    for (const body of subgraphs(node)) {
      const found = randomOperator(body);
      if (found !== null) return found;
    }
  }
  return null;
}

function usesHalf(graph: OnnxGraph): boolean {
  return graph.initializers.some(({ elementType }) => elementType === "float16") || graph.inputs.some(({ type }) => type?.kind === "tensor" && type.elementType === "float16");
}

function refusalText(error: unknown): string {
  if (error instanceof ModelRefusal) return error.message;
  throw error;
}
