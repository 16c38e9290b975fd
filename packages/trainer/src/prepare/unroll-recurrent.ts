import { intAttribute, stringAttribute, type OnnxNode, type OnnxTensor } from "@flotilla/runtime/ir";
import { GraphMath } from "../autodiff/graph-math.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import type { StaticType } from "../graph/static-type.ts";

type Unrolled = { readonly nodes: readonly OnnxNode[]; readonly constants: readonly OnnxTensor[]; readonly types: ReadonlyMap<string, StaticType> };
type State = { readonly hidden: string; readonly cell: string };
/** One direction: what all steps get from the series at once [steps · batch, gates · hidden], and how one step goes on from the one before. */
type Direction = { readonly fromSeries: string; step(fromSeries: string, before: State): State };
type Layer = { readonly math: GraphMath; readonly series: string; readonly weight: string; readonly recurrent: string; readonly bias: string | null; readonly units: number };

/** Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000); ONNX has the gates in the order input, output, forget, cell. */
function lstm({ math, series, weight, recurrent, bias, units }: Layer): Direction {
  const [ofSeries, ofState] = bias === null ? ["", ""] : math.split(bias, 0, [4 * units, 4 * units]);
  const both = bias === null ? "" : math.add(ofSeries ?? "", ofState ?? "");
  return {
    fromSeries: math.matrixProduct(series, weight, { transposesB: true, bias: both }),
    step: (fromSeries, { hidden, cell }) => {
      const gates = math.matrixProduct(hidden, recurrent, { transposesB: true, bias: fromSeries });
      const [open = "", given = "", candidate = ""] = math.split(gates, 1, [units, 2 * units, units]);
      const [output = "", forget = ""] = math.split(math.unary("Sigmoid", given), 1, [units, units]);
      const taken = math.multiply(math.unary("Sigmoid", open), math.unary("Tanh", candidate));
      const next = math.add(math.multiply(forget, cell), taken);
      return { hidden: math.multiply(output, math.unary("Tanh", next)), cell: next };
    },
  };
}

/**
 * Gated recurrent unit (Cho et al. 2014), gates in the order update, reset, hidden. With `linear_before_reset` the reset gate works on the product of state and weights (as in cuDNN and PyTorch),
 * without on the state.
 */
function gru({ math, series, weight, recurrent, bias, units }: Layer, resetsProduct: boolean): Direction {
  const [ofGates = "", ofCandidate = ""] = math.split(recurrent, 0, [2 * units, units]);
  const [ofSeries = "", ofState = ""] = bias === null ? [] : math.split(bias, 0, [3 * units, 3 * units]);
  const [gateBias = "", candidateBias = ""] = bias === null ? [] : math.split(ofState, 0, [2 * units, units]);
  const both = bias === null ? "" : math.add(ofSeries, resetsProduct ? math.concat([gateBias, math.zeros([units], bias)], 0) : ofState);
  return {
    fromSeries: math.matrixProduct(series, weight, { transposesB: true, bias: both }),
    step: (fromSeries, { hidden, cell }) => {
      const [forGates = "", forCandidate = ""] = math.split(fromSeries, 1, [2 * units, units]);
      const gates = math.unary("Sigmoid", math.matrixProduct(hidden, ofGates, { transposesB: true, bias: forGates }));
      const [update = "", reset = ""] = math.split(gates, 1, [units, units]);
      const candidate = resetsProduct
        ? math.add(forCandidate, math.multiply(reset, math.matrixProduct(hidden, ofCandidate, { transposesB: true, bias: candidateBias })))
        : math.matrixProduct(math.multiply(reset, hidden), ofCandidate, { transposesB: true, bias: forCandidate });
      const proposed = math.unary("Tanh", candidate);
      return { hidden: math.add(proposed, math.multiply(update, math.subtract(hidden, proposed))), cell };
    },
  };
}

/**
 * An LSTM or GRU as operators that have gradients, step by step, with one product for what all steps take from the series. Values keep the names that the node gave them; new ones are in none of
 * `types`. The node must have no `recurrentObstacle`.
 */
export function unrollRecurrent(node: OnnxNode, types: ReadonlyMap<string, StaticType>): Unrolled {
  const builder = new GraphBuilder("unrolled", types.keys());
  for (const name of new Set(node.inputs)) {
    const type = types.get(name);
    if (type !== undefined) builder.input(name, type);
  }
  const math = new GraphMath(builder);
  const isBatchFirst = intAttribute(node, "layout", 0) === 1;
  const [x = "", weight = "", recurrent = "", bias = "", , hidden = "", cell = ""] = node.inputs;
  const turned = (value: string): string => (isBatchFirst && value !== "" ? math.transpose(value, [1, 0, 2]) : value);
  const [steps = 1, batch = 1, features = 1] = math.dims(turned(x));
  const [directions = 1, rows = 1, units = 1] = math.dims(recurrent);
  const series = math.reshape(turned(x), [steps * batch, features]);
  const part = (value: string, at: number, dims: readonly number[]): string => math.reshape(directions === 1 ? value : math.slice(value, [0], [at], [at + 1]), dims);
  const began = (value: string, at: number): string => (value === "" ? math.zeros([batch, units], x) : part(turned(value), at, [batch, units]));
  const runs = Array.from({ length: directions }, (_, at) => {
    const layer = { math, series, units, weight: part(weight, at, [rows, features]), recurrent: part(recurrent, at, [rows, units]), bias: bias === "" ? null : part(bias, at, [2 * rows]) };
    const direction = node.opType === "LSTM" ? lstm(layer) : gru(layer, intAttribute(node, "linear_before_reset", 0) !== 0);
    const isBackward = at === 1 || stringAttribute(node, "direction", "forward") === "reverse";
    return states(math, direction, { hidden: began(hidden, at), cell: began(cell, at) }, { steps, batch, isBackward });
  });
  const last = (which: keyof State): string => math.concat(runs.map((run) => math.reshape(run.last[which], [1, batch, units])), 0);
  const each = math.concat(runs.map((run) => math.concat(run.all.map((value) => math.reshape(value, [1, 1, batch, units])), 0)), 1);
  const answers = [isBatchFirst ? math.transpose(each, [2, 0, 1, 3]) : each, turned(last("hidden")), node.opType === "LSTM" ? turned(last("cell")) : ""];
  for (const [position, name] of node.outputs.entries()) if (name !== "") builder.output(answers[position] ?? "", name);
  const { nodes, initializers } = builder.toModel().graph;
  const made = [...nodes.flatMap(({ outputs }) => outputs), ...initializers.map(({ name }) => name)].filter((name) => name !== "");
  return { nodes, constants: initializers, types: new Map(made.map((name) => [name, builder.typeOf(name)])) };
}

/** The hidden state after each step, in the order of the series, and the last state of both kinds. */
function states(math: GraphMath, { fromSeries, step }: Direction, first: State, { steps, batch, isBackward }: { steps: number; batch: number; isBackward: boolean }): { all: string[]; last: State } {
  const given = math.split(fromSeries, 0, Array.from({ length: steps }, () => batch));
  const all: string[] = [];
  let last = first;
  for (const now of isBackward ? given.toReversed() : given) {
    last = step(now, last);
    all.push(last.hidden);
  }
  return { all: isBackward ? all.toReversed() : all, last };
}
