import { attribute, setAttribute, stringAttribute } from "../attributes.ts";
import { elementCount } from "../element-layout.ts";
import { tensorNumbers } from "../tensor-numbers.ts";
import { rawTensor } from "../tensors.ts";
import type { Step } from "./step.ts";
import { refusal } from "./step.ts";

// Upsample and Resize.

/** Upsample-7 to -9. */
export const upsampleScales: Step = (node, context) => {
  const scales = attribute(node, "scales");
  if (scales?.type !== "floats") throw refusal(node, "it has no scales");
  setAttribute(node, "scales", null);
  node.inputs[1] = context.floats(node, "scales", [scales.value.length], scales.value);
  return { nodes: [node], what: "scales became an input" };
};

/** Upsample-9 is Resize-10 by another name. */
export const upsampleToResize: Step = (node) => {
  node.opType = "Resize";
  return { nodes: [node], what: "became Resize" };
};

/**
 * Resize-10 to -11, which lets the caller choose how positions map. Version 10 meant "asymmetric"; for nearest neighbours it
 * rounded up where an axis shrinks and down where it grows (ONNX Runtime's kernel), which one attribute can only say when
 * all axes do the same.
 */
export const resizePositions: Step = (node, context) => {
  const scales = context.constant(node.inputs[1]);
  setAttribute(node, "coordinate_transformation_mode", { string: "asymmetric" });
  if (stringAttribute(node, "mode", "nearest") === "nearest") {
    if (scales === null) throw refusal(node, "its scales are computed while the model runs, and how it rounds depends on them");
    const changing = [...tensorNumbers(scales)].filter((scale) => scale !== 1);
    const shrinking = changing.filter((scale) => scale < 1).length;
    if (shrinking > 0 && shrinking < changing.length) throw refusal(node, "it shrinks one axis and stretches another");
    setAttribute(node, "nearest_mode", { string: shrinking > 0 ? "ceil" : "floor" });
  }
  const [data = "", factors = ""] = node.inputs;
  node.inputs = [data, context.tensor(node, "roi", rawTensor("", "float32", [0], new Uint8Array(0))), factors];
  return { nodes: [node], what: "says how positions map" };
};

/** Version 13 dropped one way of mapping positions. */
export const resizeDroppedMode: Step = (node) => {
  const mode = stringAttribute(node, "coordinate_transformation_mode", "half_pixel");
  if (mode === "tf_half_pixel_for_nn") throw refusal(node, `"${mode}" was dropped in version 13`);
  return null;
};

/** From version 18 on scales and sizes exclude each other: an empty tensor beside the other one becomes absent. */
export const resizeOneOfTwo: Step = (node, context) => {
  if ((node.inputs[3] ?? "") === "") return null;
  const scales = context.constant(node.inputs[2]);
  if ((node.inputs[2] ?? "") === "") return null;
  if (scales === null || elementCount(scales.dims) > 0) throw refusal(node, "it has both scales and sizes");
  node.inputs[2] = "";
  return { nodes: [node], what: "lost its empty scales" };
};
