import { attribute, setAttribute, stringAttribute } from "../attributes.ts";
import { axesToInput, clipLimits, dftAxis, dropoutMask, dropoutRatio, padInputs, sliceBounds, splitToInput, topKCount } from "./attributes-to-inputs.ts";
import { batchNormalizationOutputs, batchNormalizationSpatial, groupNormalizationChannels, meanVarianceNormalization } from "./normalization.ts";
import { REMOVED_AT_10 } from "./removed-operators.ts";
import { resizeDroppedMode, resizeOneOfTwo, resizePositions, upsampleScales, upsampleToResize } from "./resizing.ts";
import { softmaxOverOneAxis } from "./softmax.ts";
import type { Step, Steps } from "./step.ts";
import { refusal } from "./step.ts";

/** Scan-8 had a batch dimension and lengths; no later version has. */
const scanBatches: Step = (node) => {
  throw refusal(node, "version 9 took batches out of Scan");
};

const scatterElements: Step = (node) => {
  node.opType = "ScatterElements";
  return { nodes: [node], what: "became ScatterElements" };
};

/** Version 18 wants the number of equal parts said. */
const splitCount: Step = (node) => {
  if ((node.inputs[1] ?? "") !== "") return null;
  setAttribute(node, "num_outputs", { int: node.outputs.length });
  return { nodes: [node], what: "says its number of parts" };
};

/** Version 16 moved the default by half a pixel. */
const roiAlignPixels: Step = (node) => {
  setAttribute(node, "coordinate_transformation_mode", { string: "output_half_pixel" });
  return { nodes: [node], what: "says how positions map" };
};

const GRID_MODES: Readonly<Record<string, string>> = { bilinear: "linear", bicubic: "cubic" };

const gridSampleMode: Step = (node) => {
  const mode = GRID_MODES[stringAttribute(node, "mode", "bilinear")];
  if (mode === undefined || attribute(node, "mode") === null) return null;
  setAttribute(node, "mode", { string: mode });
  return { nodes: [node], what: `mode is called ${mode}` };
};

const softmaxes: Steps = { Softmax: softmaxOverOneAxis, LogSoftmax: softmaxOverOneAxis, Hardmax: softmaxOverOneAxis };

const reductions: Steps = Object.fromEntries(
  "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare".split(" ").map((name) => [name, axesToInput]),
);

/**
 * By version: the operators whose meaning or form changed in it. All other new versions of operators only took more types or
 * options whose default is the old behaviour (compared from the operator schemas of ONNX 1.21).
 */
export const STEPS: Readonly<Record<number, Steps>> = {
  9: { BatchNormalization: batchNormalizationSpatial, MeanVarianceNormalization: meanVarianceNormalization, Scan: scanBatches, Upsample: upsampleScales },
  10: { ...REMOVED_AT_10, Dropout: dropoutMask, Slice: sliceBounds, TopK: topKCount, Upsample: upsampleToResize },
  11: { Clip: clipLimits, Pad: padInputs, Resize: resizePositions, Scatter: scatterElements },
  12: { Dropout: dropoutRatio },
  13: { ...softmaxes, ReduceSum: axesToInput, Resize: resizeDroppedMode, Split: splitToInput, Squeeze: axesToInput, Unsqueeze: axesToInput },
  14: { BatchNormalization: batchNormalizationOutputs },
  16: { RoiAlign: roiAlignPixels },
  18: { ...reductions, Resize: resizeOneOfTwo, Split: splitCount },
  20: { DFT: dftAxis, GridSample: gridSampleMode },
  21: { GroupNormalization: groupNormalizationChannels },
};

/** Operators that steps above replace; they are no longer there at the end. */
export const REPLACED: ReadonlySet<string> = new Set([...Object.keys(REMOVED_AT_10), "Scatter", "Upsample"]);
