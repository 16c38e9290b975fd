import { onlyInput, type LayerConverter } from "./layer-use.ts";
import { slide, windowOf } from "./windows.ts";

/** Zeros that padding adds never count, neither as a maximum nor in a mean. */
function pooling(rank: number, opType: "MaxPool" | "AveragePool"): LayerConverter {
  return (use, inputs) => {
    const input = onlyInput(use, inputs, rank + 1);
    const { sizes, attributes } = slide(use, input.shape.slice(0, -1), windowOf(use, rank, "pool_size"));
    const made = use.writer.node(opType, [use.writer.form(input, "first")], attributes);
    return use.writer.value([...sizes, input.shape.at(-1) ?? null], "first", made);
  };
}

function globalPooling(rank: number, opType: "GlobalMaxPool" | "GlobalAveragePool"): LayerConverter {
  return (use, inputs) => {
    const { config, writer } = use;
    const input = onlyInput(use, inputs, rank + 1);
    if (config.has("data_format")) config.oneOf("data_format", ["channels_last"]);
    const channels = input.shape.at(-1) ?? null;
    const pooled = writer.value([...Array.from({ length: rank }, () => 1), channels], "first", writer.node(opType, [writer.form(input, "first")]));
    if (config.flag("keepdims", false)) return pooled;
    return writer.value([channels], "last", writer.node("Flatten", [writer.form(pooled, "first")], { axis: { int: 1 } }));
  };
}

export const POOLING_LAYERS: Readonly<Record<string, LayerConverter>> = {
  MaxPooling1D: pooling(1, "MaxPool"), MaxPooling2D: pooling(2, "MaxPool"), AveragePooling1D: pooling(1, "AveragePool"), AveragePooling2D: pooling(2, "AveragePool"),
  GlobalMaxPooling1D: globalPooling(1, "GlobalMaxPool"), GlobalMaxPooling2D: globalPooling(2, "GlobalMaxPool"),
  GlobalAveragePooling1D: globalPooling(1, "GlobalAveragePool"), GlobalAveragePooling2D: globalPooling(2, "GlobalAveragePool"),
};
