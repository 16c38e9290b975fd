import type { Tensor } from "@flotilla/runtime";
import type { OnnxTensor } from "@flotilla/runtime/ir";
import { rawTensor } from "@flotilla/runtime/ir";

const ENCODER = new TextEncoder();

/** What the runtime returned as a tensor of a model; both keep elements row-major and packed alike. */
export function fromRuntime(name: string, { elementType, shape, data }: Tensor): OnnxTensor {
  if (!ArrayBuffer.isView(data)) return { ...rawTensor(name, elementType, shape, new Uint8Array(0)), data: data.map((text) => ENCODER.encode(text)) };
  // A copy, so that the runtime's memory can go.
  return rawTensor(name, elementType, shape, new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice());
}
