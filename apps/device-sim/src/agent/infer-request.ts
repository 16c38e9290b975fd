import { FleetError } from "@flotilla/protocol";
import type { Tensor, TensorData, Tensors, TensorSpec } from "@flotilla/runtime";
import { z } from "zod";

const bodySchema = z.strictObject({
  inputs: z.record(z.string().max(1_024), z.strictObject({ shape: z.array(z.number().int().nonnegative()).max(16), data: z.array(z.union([z.number(), z.boolean(), z.string()], { error: "a value is a number, true, false or a text" })) })),
});

/**
 * The tensors in a body of `POST /infer`, `{inputs: {name: {shape, data}}}`, in the types the model takes. Throws `FleetError`
 * "bad_request" that names the first thing that does not fit.
 */
export function feedsOf(body: unknown, specs: readonly TensorSpec[]): Tensors {
  const parsed = bodySchema.safeParse(body);
  if (!parsed.success) throw refusal(z.prettifyError(parsed.error));
  const { inputs } = parsed.data;
  const unknown = Object.keys(inputs).find((name) => !specs.some((spec) => spec.name === name));
  if (unknown !== undefined) throw refusal(`the model has no input "${unknown}"; it takes ${specs.map((spec) => `"${spec.name}"`).join(", ")}`);
  return Object.fromEntries(specs.map((spec) => [spec.name, tensorOf(spec, Object.hasOwn(inputs, spec.name) ? inputs[spec.name] : undefined)]));
}

function refusal(sentence: string): FleetError {
  return new FleetError("bad_request", { public: sentence });
}

type Given = { readonly shape: readonly number[]; readonly data: readonly (number | boolean | string)[] };

function tensorOf(spec: TensorSpec, given: Given | undefined): Tensor {
  if (given === undefined) throw refusal(`input "${spec.name}" is missing`);
  const { shape, data } = given;
  const fits = shape.length === spec.shape.length && spec.shape.every((dim, i) => typeof dim === "string" || dim === shape[i]);
  if (!fits) throw refusal(`input "${spec.name}" has shape [${spec.shape.join(", ")}], not [${shape.join(", ")}]`);
  const count = shape.reduce((product, dim) => product * dim, 1);
  if (data.length !== count) throw refusal(`input "${spec.name}": shape [${shape.join(", ")}] takes ${count} values, ${data.length} were given`);
  const make = MAKERS[spec.elementType];
  if (make === undefined) throw refusal(`input "${spec.name}" has type ${spec.elementType}, which cannot be sent as JSON; use float16 or 4-bit models with a folder of files`);
  return { elementType: spec.elementType, shape, data: make(data, spec.name) };
}

type Values = readonly (number | boolean | string)[];
type Maker = (values: Values, name: string) => TensorData;

function numbers(values: Values, name: string, range: { min: number; max: number; integer: boolean }): number[] {
  return values.map((value, i) => {
    if (typeof value !== "number") throw refusal(`input "${name}": value ${i} is not a number`);
    if (range.integer && !Number.isInteger(value)) throw refusal(`input "${name}": value ${i} is not a whole number`);
    if (value < range.min || value > range.max) throw refusal(`input "${name}": value ${i} is outside ${range.min} … ${range.max}`);
    return value;
  });
}

const float = { min: -Number.MAX_VALUE, max: Number.MAX_VALUE, integer: false };
const integer = (min: number, max: number): { min: number; max: number; integer: true } => ({ min, max, integer: true });

const MAKERS: Readonly<Record<string, Maker>> = {
  float32: (v, n) => Float32Array.from(numbers(v, n, float)),
  float64: (v, n) => Float64Array.from(numbers(v, n, float)),
  int8: (v, n) => Int8Array.from(numbers(v, n, integer(-128, 127))),
  uint8: (v, n) => Uint8Array.from(numbers(v, n, integer(0, 255))),
  int16: (v, n) => Int16Array.from(numbers(v, n, integer(-32_768, 32_767))),
  uint16: (v, n) => Uint16Array.from(numbers(v, n, integer(0, 65_535))),
  int32: (v, n) => Int32Array.from(numbers(v, n, integer(-(2 ** 31), 2 ** 31 - 1))),
  uint32: (v, n) => Uint32Array.from(numbers(v, n, integer(0, 2 ** 32 - 1))),
  int64: (v, n) => BigInt64Array.from(numbers(v, n, integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)), BigInt),
  uint64: (v, n) => BigUint64Array.from(numbers(v, n, integer(0, Number.MAX_SAFE_INTEGER)), BigInt),
  bool: (v, n) => Uint8Array.from(v, (value, i) => {
    if (typeof value !== "boolean") throw refusal(`input "${n}": value ${i} is not true or false`);
    return value ? 1 : 0;
  }),
  string: (v, n) => v.map((value, i) => {
    if (typeof value !== "string") throw refusal(`input "${n}": value ${i} is not a text`);
    return value;
  }),
};

/** Outputs as JSON: NaN and infinities become null, whole numbers beyond 2^53 become texts. */
export function outputsAsJson(outputs: Readonly<Record<string, Tensor>>): Record<string, { shape: readonly number[]; data: (number | string | null)[] }> {
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, { shape: tensor.shape, data: Array.from(tensor.data as Iterable<number | bigint | string>, jsonValue) }]));
}

function jsonValue(value: number | bigint | string): number | string | null {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return typeof value === "number" && !Number.isFinite(value) ? null : value;
}
