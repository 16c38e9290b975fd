import { attribute, floatAttribute, intAttribute, intsAttribute, setAttribute, stringAttribute } from "../attributes.ts";
import { int64s } from "../tensors.ts";
import type { OnnxNode } from "../types.ts";
import type { Step } from "./step.ts";
import { refusal } from "./step.ts";

// Operators whose attributes became inputs.

/** Refuses an attribute that a local function takes from its caller: as an input it would have to be a constant. */
function known(node: OnnxNode, name: string): void {
  if (attribute(node, name)?.type === "reference") throw refusal(node, `its ${name} come from the caller of a local function`);
}

/** An input at a position; gaps are absent inputs. */
function setInput(node: OnnxNode, index: number, name: string): void {
  while (node.inputs.length < index) node.inputs.push("");
  node.inputs[index] = name;
}

/** A list of ints that becomes input `index`; without the attribute nothing changes. */
function intsToInput(name: string, index: number): Step {
  return (node, context) => {
    known(node, name);
    const values = intsAttribute(node, name);
    if (values === null) return null;
    setAttribute(node, name, null);
    setInput(node, index, context.int64s(node, name, values));
    return { nodes: [node], what: `${name} became an input` };
  };
}

export const axesToInput = intsToInput("axes", 1);
export const splitToInput = intsToInput("split", 1);

/** Limits of Clip up to version 10, where they were not optional but endless by default. */
const CLIP_ENDLESS = 3.4028234663852886e38;

export const clipLimits: Step = (node, context) => {
  for (const [index, name] of ["min", "max"].entries()) {
    known(node, name);
    const limit = floatAttribute(node, name, name === "min" ? -CLIP_ENDLESS : CLIP_ENDLESS);
    setAttribute(node, name, null);
    if (Math.abs(limit) < CLIP_ENDLESS) setInput(node, index + 1, context.scalarLike(node, name, limit, node.inputs[0]));
  }
  return { nodes: [node], what: "min and max became inputs" };
};

export const padInputs: Step = (node, context) => {
  known(node, "pads");
  known(node, "value");
  const pads = intsAttribute(node, "pads");
  const fill = floatAttribute(node, "value", 0);
  if (pads === null) throw refusal(node, "it has no pads");
  setAttribute(node, "pads", null);
  setAttribute(node, "value", null);
  setInput(node, 1, context.int64s(node, "pads", pads));
  if (fill !== 0 && stringAttribute(node, "mode", "constant") === "constant") setInput(node, 2, context.scalarLike(node, "value", fill, node.inputs[0]));
  return { nodes: [node], what: "pads became an input" };
};

export const sliceBounds: Step = (node, context) => {
  for (const name of ["starts", "ends", "axes"]) known(node, name);
  const starts = intsAttribute(node, "starts");
  const ends = intsAttribute(node, "ends");
  const axes = intsAttribute(node, "axes");
  if (starts === null || ends === null) throw refusal(node, "it has no bounds");
  for (const name of ["starts", "ends", "axes"]) setAttribute(node, name, null);
  setInput(node, 1, context.int64s(node, "starts", starts));
  // Ends beyond 2^53 mean "to the end"; they were read as doubles and are cut to what an int64 holds.
  setInput(node, 2, context.int64s(node, "ends", ends.map(clampedInt64)));
  if (axes !== null) setInput(node, 3, context.int64s(node, "axes", axes));
  return { nodes: [node], what: "starts, ends and axes became inputs" };
};

const INT64_MAX = 2n ** 63n - 1n;

function clampedInt64(value: number): bigint {
  const whole = BigInt(value);
  return whole > INT64_MAX ? INT64_MAX : whole < -INT64_MAX ? -INT64_MAX : whole;
}

export const topKCount: Step = (node, context) => {
  known(node, "k");
  const k = intAttribute(node, "k", -1);
  if (k < 0) throw refusal(node, "it does not say how many elements it takes");
  setAttribute(node, "k", null);
  setInput(node, 1, context.int64s(node, "k", [k]));
  return { nodes: [node], what: "k became an input" };
};

/** Version 10 made the mask boolean; what reads it would have to change with it. */
export const dropoutMask: Step = (node, context) => {
  if (context.isUsed(node.outputs[1])) throw refusal(node, "its mask is read, and became boolean in version 10");
  return null;
};

export const dropoutRatio: Step = (node, context) => {
  known(node, "ratio");
  if (attribute(node, "ratio") === null) return null;
  const ratio = floatAttribute(node, "ratio", 0.5);
  setAttribute(node, "ratio", null);
  setInput(node, 1, context.floats(node, "ratio", [], [ratio]));
  return { nodes: [node], what: "ratio became an input" };
};

export const dftAxis: Step = (node, context) => {
  known(node, "axis");
  const axis = intAttribute(node, "axis", 1);
  setAttribute(node, "axis", null);
  setInput(node, 2, context.tensor(node, "axis", int64s("", [], [axis])));
  return { nodes: [node], what: "axis became an input" };
};
