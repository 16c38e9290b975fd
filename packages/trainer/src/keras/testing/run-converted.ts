import { openModel } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { convertKeras, type KerasFormat } from "../convert-keras.ts";

export type Answer = { readonly shape: readonly number[]; readonly values: Float32Array };

/** Converts a file and runs what comes out on `inputs`, by name. Answers the outputs by name. */
export async function runConverted(bytes: Uint8Array, format: KerasFormat, inputs: Readonly<Record<string, Answer>>): Promise<Map<string, Answer>> {
  const { model } = await convertKeras(bytes, format);
  const open = await openModel(writeOnnx(model));
  const feeds = Object.fromEntries(Object.entries(inputs).map(([name, { shape, values }]) => [name, { elementType: "float32" as const, shape: [...shape], data: values }]));
  const outputs = await open.run(feeds);
  await open.close();
  return new Map(Object.entries(outputs).map(([name, { shape, data }]) => [name, { shape, values: Float32Array.from(data as Float32Array) }]));
}
