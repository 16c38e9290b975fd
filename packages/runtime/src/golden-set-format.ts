import { float16ToNumber } from "./float16.ts";
import { ModelRefusal } from "./model-refusal.ts";
import type { DimensionOverrides, ElementType, Tensor } from "./types.ts";

/**
 * The bytes of a golden set: UTF-8 JSON
 *
 *     {"format": "flotilla-golden-set", "version": 1,
 *      "dimensions": {"batch": 1},
 *      "cases": [{"seed": 1, "outputs": [{"name": "scores", "elementType": "float32", "shape": [1, 10],
 *                                         "stride": 1, "values": "<base64>"}]}]}
 *
 * `values` are the elements 0, stride, 2 × stride … in row-major order as little-endian float64 (32- and 64-bit
 * integers, float64) or float32 (all others); outputs of strings hold an array of strings instead. The stride is odd and leaves at
 * most 4,096 values, so that a large output stays small and every column of an even-sized image is still met.
 */
export type GoldenOutput = {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  readonly stride: number;
  readonly values: readonly (number | string)[];
};

export type GoldenSet = {
  readonly dimensions: DimensionOverrides;
  readonly cases: { readonly seed: number; readonly outputs: readonly GoldenOutput[] }[];
};

const FORMAT = "flotilla-golden-set";
const VERSION = 1;
/** Three seeds of ten outputs of 4,096 float32 values are 0.7 MB. */
const GOLDEN_BYTES_MAX = 16 * 1024 * 1024;
const SAMPLES_MAX = 4_096;
const CASES_MAX = 64;
const OUTPUTS_MAX = 256;
const DIMENSIONS_MAX = 64;
const RANK_MAX = 32;
const ELEMENTS_MAX = 2 ** 31;
const NAME_CHARACTERS_MAX = 65_536;

const WIDE: ReadonlySet<string> = new Set<ElementType>(["float64", "int64", "uint64", "int32", "uint32"]);
const ELEMENT_TYPES: ReadonlySet<string> = new Set<ElementType>(
  "float32 float64 float16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool string int4 uint4".split(" ") as ElementType[],
);

/** Takes the sampled values of one output. 4-bit outputs are sampled by the byte. */
export function sampleOutput(name: string, tensor: Tensor): GoldenOutput {
  const { data, elementType, shape } = tensor;
  const stride = strideFor(data.length);
  const values: (number | string)[] = [];
  for (let index = 0; index < data.length; index += stride) {
    const value = data[index] ?? 0;
    if (typeof value === "string") values.push(value);
    else values.push(elementType === "float16" ? float16ToNumber(Number(value)) : Number(value));
  }
  return { name, elementType, shape, stride, values };
}

function strideFor(count: number): number {
  const least = Math.max(1, Math.ceil(count / SAMPLES_MAX));
  return least % 2 === 0 ? least + 1 : least;
}

export function encodeGoldenSet(golden: GoldenSet): Uint8Array {
  const cases = golden.cases.map(({ seed, outputs }) => ({
    seed,
    outputs: outputs.map((output) => ({ ...output, values: encodeValues(output) })),
  }));
  return new TextEncoder().encode(JSON.stringify({ format: FORMAT, version: VERSION, dimensions: golden.dimensions, cases }));
}

function encodeValues(output: GoldenOutput): string | readonly (number | string)[] {
  if (output.elementType === "string") return output.values;
  const numbers = output.values.map(Number);
  const bytes = WIDE.has(output.elementType) ? float64Bytes(numbers) : float32Bytes(numbers);
  return Buffer.from(bytes).toString("base64");
}

function float32Bytes(numbers: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(numbers.length * 4));
  numbers.forEach((value, index) => view.setFloat32(index * 4, value, true));
  return new Uint8Array(view.buffer);
}

function float64Bytes(numbers: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(numbers.length * 8));
  numbers.forEach((value, index) => view.setFloat64(index * 8, value, true));
  return new Uint8Array(view.buffer);
}

/** Parses hostile bytes; every size is bounded. Throws `ModelRefusal` `golden_set_invalid`. */
export function decodeGoldenSet(bytes: Uint8Array): GoldenSet {
  if (bytes.byteLength > GOLDEN_BYTES_MAX) throw invalid(`it has ${bytes.byteLength} bytes; ${GOLDEN_BYTES_MAX} are allowed`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw invalid("it is not JSON");
  }
  const whole = record(parsed, "it");
  if (whole["format"] !== FORMAT) throw invalid("it does not say that it is one");
  if (whole["version"] !== VERSION) throw invalid(`its version is not ${VERSION}`);
  const cases = list(whole["cases"], CASES_MAX, "cases").map((entry) => {
    const { seed, outputs } = record(entry, "a case");
    return { seed: integer(seed, 0, 2 ** 32 - 1, "a seed"), outputs: list(outputs, OUTPUTS_MAX, "outputs").map(decodeOutput) };
  });
  if (cases.length === 0) throw invalid("it has no cases, so it proves nothing");
  return { dimensions: decodeDimensions(whole["dimensions"]), cases };
}

function decodeDimensions(value: unknown): DimensionOverrides {
  const entries = Object.entries(record(value, "dimensions"));
  if (entries.length > DIMENSIONS_MAX) throw invalid("it fixes too many dimensions");
  return Object.fromEntries(entries.map(([name, dim]) => [name, integer(dim, 0, ELEMENTS_MAX, "a dimension")]));
}

function decodeOutput(entry: unknown): GoldenOutput {
  const fields = record(entry, "an output");
  const name = fields["name"];
  if (typeof name !== "string" || name.length > NAME_CHARACTERS_MAX) throw invalid("an output has no proper name");
  const elementType = fields["elementType"];
  if (typeof elementType !== "string" || !ELEMENT_TYPES.has(elementType)) throw invalid("an output has no known element type");
  const shape = list(fields["shape"], RANK_MAX, "dimensions of a shape").map((dim) => integer(dim, 0, ELEMENTS_MAX, "a dimension"));
  const elements = shape.reduce((product, dim) => product * dim, 1);
  if (elements > ELEMENTS_MAX) throw invalid("an output is too large");
  const stored = elementType.endsWith("int4") ? Math.ceil(elements / 2) : elements;
  const stride = integer(fields["stride"], 1, ELEMENTS_MAX, "a stride");
  if (stride !== strideFor(stored)) throw invalid("an output is sampled at the wrong stride");
  const count = Math.ceil(stored / stride);
  const values = elementType === "string" ? decodeStrings(fields["values"]) : decodeNumbers(fields["values"], count, WIDE.has(elementType));
  if (values.length !== count) throw invalid("an output has the wrong number of values");
  return { name, elementType: elementType as ElementType, shape, stride, values };
}

function decodeStrings(value: unknown): string[] {
  return list(value, SAMPLES_MAX, "values").map((text) => {
    if (typeof text !== "string") throw invalid("an output of strings holds something else");
    return text;
  });
}

function decodeNumbers(value: unknown, count: number, wide: boolean): number[] {
  if (typeof value !== "string") throw invalid("an output has no values");
  const size = wide ? 8 : 4;
  const bytes = Buffer.from(value, "base64");
  if (bytes.byteLength !== count * size) throw invalid("an output has the wrong number of values");
  return Array.from({ length: count }, (_, index) => (wide ? bytes.readDoubleLE(index * size) : bytes.readFloatLE(index * size)));
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(`${what} is not an object`);
  return value as Record<string, unknown>;
}

function list(value: unknown, max: number, what: string): unknown[] {
  if (!Array.isArray(value) || value.length > max) throw invalid(`it has no proper list of ${what}`);
  return value;
}

function integer(value: unknown, min: number, max: number, what: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) throw invalid(`${what} is not a fitting whole number`);
  return value;
}

function invalid(detail: string): ModelRefusal {
  return new ModelRefusal("golden_set_invalid", `the golden set cannot be used: ${detail}`);
}
