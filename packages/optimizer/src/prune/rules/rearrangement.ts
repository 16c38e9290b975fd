import type { OnnxNode } from "@flotilla/runtime/ir";
import { intAttribute, int64s, intsAttribute, setAttribute, stringAttribute } from "@flotilla/runtime/ir";
import type { AxisLabels } from "../channel-classes.ts";
import { FIXED } from "../channel-classes.ts";
import type { Labels } from "../channel-flow.ts";
import type { ChannelCut } from "../cut-channels.ts";
import type { ChannelRule } from "./rule.ts";
import { axesOf, fromFront, hasChannelsBeside } from "./rule.ts";

const concat: ChannelRule = (node, flow) => {
  const first = node.inputs.map((name) => flow.labels(name)).find((labels) => labels !== null);
  if (first === undefined || first === null) return null;
  const axis = fromFront(intAttribute(node, "axis", 1), first.length);
  const joined: (AxisLabels | null)[] = first.map(() => null);
  for (let at = 0; at < first.length; at += 1) {
    const entries = node.inputs.map((name) => flow.axis(name, at));
    if (entries.every((entry) => entry === null)) continue;
    if (at !== axis) joined[at] = entries.reduce((all, entry) => flow.classes.unite(all, entry, `Concat ${node.name} ties it to values that stay`), entries[0] ?? null);
    else {
      const sizes = node.inputs.map((name) => flow.shape(name)?.[axis] ?? null);
      const parts = entries.map((entry, part) => entry ?? (typeof sizes[part] === "number" ? new Int32Array(sizes[part]).fill(FIXED) : null));
      if (parts.includes(null)) return "sizes around it are not known";
      joined[at] = Int32Array.from(parts.flatMap((part) => [...(part ?? [])]));
    }
  }
  for (const [input, name] of node.inputs.entries()) if (flow.isConstant(name)) flow.bind(node, input, first.map(() => null));
  flow.set(node.outputs[0], joined);
  return null;
};

const split: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  const axis = fromFront(intAttribute(node, "axis", 0), labels.length);
  const along = labels[axis] ?? null;
  const sizes = node.outputs.map((name) => flow.shape(name)?.[axis] ?? null);
  if (along === null) {
    for (const name of node.outputs) flow.set(name, labels);
    return null;
  }
  if (sizes.some((size) => typeof size !== "number") || sizes.reduce<number>((sum, size) => sum + Number(size), 0) !== along.length) return "the sizes of its parts are not known";
  const parts: AxisLabels[] = [];
  let start = 0;
  for (const [part, size] of sizes.entries()) {
    const own = along.slice(start, start + Number(size));
    start += Number(size);
    parts.push(own);
    flow.set(node.outputs[part], labels.map((entry, at) => (at === axis ? own : entry)));
  }
  flow.onCut([along], (cut) => writeSizes(node, flow.opset, parts.map((part) => cut.count(part)), cut));
  return null;
};

function writeSizes(node: OnnxNode, opset: number, sizes: readonly number[], cut: ChannelCut): void {
  if (opset < 13) {
    setAttribute(node, "split", { ints: sizes });
    return;
  }
  setAttribute(node, "num_outputs", null);
  node.inputs[1] = cut.addConstant(`${node.outputs[0] ?? ""}_split`, int64s("", [sizes.length], sizes));
}

const slice: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  const [starts, ends] = [intsAttribute(node, "starts") ?? flow.integers(node.inputs[1]), intsAttribute(node, "ends") ?? flow.integers(node.inputs[2])];
  const axes = axesOf(node, flow, intsAttribute(node, "axes"), 3, labels.length);
  const steps = (node.inputs[4] ?? "") === "" ? [] : flow.integers(node.inputs[4]);
  if (starts === null || ends === null || axes === null || steps === null) return "its bounds are computed while the model runs";
  const output = [...labels];
  const cuts: { readonly at: number; readonly along: AxisLabels; readonly from: number; readonly to: number }[] = [];
  for (const [at, start] of starts.entries()) {
    const axis = axes.length === 0 ? at : (axes[at] ?? at);
    const along = labels[axis] ?? null;
    if (along === null) continue;
    if ((steps[at] ?? 1) !== 1) return "it takes channels in steps";
    const [from, to] = [start, ends[at] ?? 0].map((bound) => Math.min(along.length, Math.max(0, fromFront(bound, along.length))));
    if (from === undefined || to === undefined || to <= from) return "it takes no channels";
    output[axis] = along.slice(from, to);
    cuts.push({ at, along, from, to });
  }
  if (cuts.length > 0) flow.onCut(labels, (cut) => writeBounds(node, flow.opset, withCuts(starts, ends, cuts, cut), [axes, steps], cut));
  flow.set(node.outputs[0], output);
  return null;
};

type Bounds = { readonly starts: number[]; readonly ends: number[] };

function withCuts(
  starts: readonly number[],
  ends: readonly number[],
  cuts: readonly { readonly at: number; readonly along: AxisLabels; readonly from: number; readonly to: number }[],
  cut: ChannelCut,
): Bounds {
  const bounds = { starts: [...starts], ends: [...ends] };
  for (const { at, along, from, to } of cuts) {
    bounds.starts[at] = cut.count(along.slice(0, from));
    bounds.ends[at] = cut.count(along.slice(0, to));
  }
  return bounds;
}

/** Numbers beyond 2^53 stand for "to the end". */
function exact(values: readonly number[]): number[] {
  return values.map((value) => Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value)));
}

/** `rest`: axes and steps, which have to be of the same integer type. */
function writeBounds(node: OnnxNode, opset: number, { starts, ends }: Bounds, rest: readonly (readonly number[])[], cut: ChannelCut): void {
  if (opset < 10) {
    setAttribute(node, "starts", { ints: exact(starts) });
    setAttribute(node, "ends", { ints: exact(ends) });
    return;
  }
  node.inputs[1] = cut.addConstant(`${node.outputs[0] ?? ""}_starts`, int64s("", [starts.length], exact(starts)));
  node.inputs[2] = cut.addConstant(`${node.outputs[0] ?? ""}_ends`, int64s("", [ends.length], exact(ends)));
  for (const input of [3, 4]) {
    const values = rest[input - 3] ?? [];
    if ((node.inputs[input] ?? "") !== "") node.inputs[input] = cut.addConstant(`${node.outputs[0] ?? ""}_argument`, int64s("", [values.length], values));
  }
}

const transpose: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  const order = intsAttribute(node, "perm") ?? labels.map((_, axis) => labels.length - 1 - axis);
  flow.set(node.outputs[0], order.map((axis) => labels[axis] ?? null));
  return null;
};

/** Channels r² to one: column-major ("DCR") they lie a whole image of outputs apart, row-major ("CRD") side by side. */
const depthToSpace: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  if (hasChannelsBeside(labels, [1])) return "it moves over an axis of channels";
  const channels = labels[1] ?? null;
  if (channels === null) return null;
  const block = intAttribute(node, "blocksize", 1) ** 2;
  const outputs = channels.length / block;
  const isDepthFirst = stringAttribute(node, "mode", "DCR") === "DCR";
  const outputOf = (channel: number) => (isDepthFirst ? channel % outputs : Math.floor(channel / block));
  const made = new Int32Array(outputs).fill(FIXED);
  for (const [channel, atom] of channels.entries()) {
    const output = outputOf(channel);
    const seen = isDepthFirst ? channel >= outputs : channel % block !== 0;
    if (seen) flow.classes.uniteAtoms(atom, made[output] ?? FIXED, "it lies in one image with channels that stay");
    else made[output] = atom;
  }
  flow.set(node.outputs[0], [null, made, null, null] satisfies Labels);
  return null;
};

export const REARRANGEMENT_RULES: Readonly<Record<string, ChannelRule>> = {
  Concat: concat,
  Split: split,
  Slice: slice,
  Transpose: transpose,
  DepthToSpace: depthToSpace,
};
