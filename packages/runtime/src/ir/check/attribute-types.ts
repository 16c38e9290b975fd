import type { OnnxAttribute, OnnxNode } from "../types.ts";

type AttributeType = Exclude<OnnxAttribute["type"], "reference">;

/** Names of attributes by their type, over all versions of the standard operators (ONNX operator schemas up to opset 26). */
const NAMES: Readonly<Partial<Record<AttributeType, string>>> = {
  string: `activation approximate auto_pad case_change_action coordinate_transformation_mode delimiter direction equation
    keep_aspect_ratio_policy locale mode nearest_mode padding_mode pattern pixel_format reduction round_mode value_string`,
  floats: "activation_alpha activation_beta scales value_floats weights",
  strings: "activations pool_strings stopwords value_strings",
  int: `align_corners allowzero antialias axis batch_axis batch_dims block_size blocksize broadcast ceil_mode center_point_box
    count_include_pad detect_negative detect_positive dtype end exclude_outside exclusive fmod group hidden_size ignore_index
    input_forget inverse is_case_sensitive is_causal is_test k keepdims kv_num_heads largest layout linear_before_reset
    new_axis noop_with_empty_axes num_groups num_heads num_outputs num_scan_inputs offset_group onesided output_dtype periodic
    q_num_heads reverse sample_size sampling_ratio saturate select_last_index size sorted spatial start stash_type
    storage_order time_axis training_mode transA transB upper value_int`,
  float: `alpha beta bias clip cubic_coeff_a epsilon extrapolation_value gamma high lambd low max mean min momentum ratio scale
    softcap spatial_scale value_float`,
  ints: `axes consumed_inputs dilations directions ends kernel_shape output_padding output_shape paddings pads perm pooled_shape
    scan_input_axes scan_input_directions scan_output_axes scan_output_directions shape split starts strides value_ints`,
  graph: "body else_branch then_branch",
  sparse: "sparse_value",
};

const BY_NAME: ReadonlyMap<string, AttributeType> = new Map(
  Object.entries(NAMES).flatMap(([type, names]) => names.split(/\s+/).map((name) => [name, type as AttributeType] as const)),
);

/** Types an attribute of a standard operator may have, or null when the table does not know it. */
export function allowedAttributeTypes(node: OnnxNode, name: string): readonly AttributeType[] | null {
  if (name === "value") return node.opType === "Pad" ? ["float"] : ["Constant", "ConstantOfShape"].includes(node.opType) ? ["tensor"] : null;
  if (name === "to") return node.opType === "Cast" ? ["int", "string"] : null;
  const type = BY_NAME.get(name);
  return type === undefined ? null : [type];
}
