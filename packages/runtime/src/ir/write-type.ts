import { DIMENSION, ELEMENT_TYPE, MAP_TYPE, SHAPE, TENSOR_TYPE, TYPE, VALUE_INFO } from "../onnx-fields.ts";
import type { WireWriter } from "../wire-writer.ts";
import type { OnnxDimension, OnnxType, OnnxValueInfo } from "./types.ts";
import { elementCode, writeEntries, writeText, writeUnknown } from "./write-tensor.ts";

export function writeValueInfo(out: WireWriter, value: OnnxValueInfo): void {
  // A value without a name does not exist, so the name is written even when empty.
  out.string(VALUE_INFO.name, value.name);
  const { type } = value;
  if (type !== null) out.message(VALUE_INFO.type, (inner) => writeType(inner, type));
  writeText(out, VALUE_INFO.docString, value.docString);
  writeEntries(out, VALUE_INFO.metadataProps, value.metadata);
  writeUnknown(out, value.unknownFields);
}

/** Fields of a TypeProto. */
export function writeType(out: WireWriter, type: OnnxType): void {
  switch (type.kind) {
    case "tensor":
    case "sparse":
      out.message(type.kind === "tensor" ? TYPE.tensor : TYPE.sparseTensor, (inner) => {
        inner.varint(TENSOR_TYPE.elementType, elementCode(type.elementType));
        const { shape } = type;
        if (shape !== null) inner.message(TENSOR_TYPE.shape, (list) => writeShape(list, shape));
      });
      break;
    case "sequence":
    case "optional":
      out.message(type.kind === "sequence" ? TYPE.sequence : TYPE.optional, (inner) => {
        inner.message(ELEMENT_TYPE.elementType, (element) => writeType(element, type.element));
      });
      break;
    case "map":
      out.message(TYPE.map, (inner) => {
        inner.varint(MAP_TYPE.keyType, elementCode(type.keyType));
        inner.message(MAP_TYPE.valueType, (value) => writeType(value, type.value));
      });
      break;
    case "other":
      out.raw(type.bytes);
      break;
  }
  writeText(out, TYPE.denotation, type.denotation);
}

function writeShape(out: WireWriter, shape: readonly OnnxDimension[]): void {
  for (const dimension of shape) {
    out.message(SHAPE.dim, (inner) => {
      if (dimension.kind === "value") inner.varint(DIMENSION.value, dimension.value);
      else if (dimension.kind === "param") inner.string(DIMENSION.param, dimension.param);
      writeText(inner, DIMENSION.denotation, dimension.denotation);
    });
  }
}
