import fc from "fast-check";
import { DATA_TYPES } from "../../onnx-fields.ts";
import { seededRandom } from "../../random.ts";
import { WireWriter } from "../../wire-writer.ts";
import { tensorByteLength } from "../element-layout.ts";
import type {
  OnnxAttribute, OnnxAttributeValue, OnnxDimension, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode, OnnxSparseTensor, OnnxTensor, OnnxType,
  OnnxValueInfo,
} from "../types.ts";

// Models that nothing could run but that say everything a file can say: each kind of attribute and type, every element type,
// empty and foreign names, fields of the future at every level.

const name = fc.oneof(fc.constant(""), fc.string({ maxLength: 6 }), fc.string({ unit: "grapheme", maxLength: 80 }), fc.constant("\uFEFFmark"));
const bytes = fc.uint8Array({ maxLength: 12 });
const entries = fc.array(fc.tuple(name, name), { maxLength: 2 });
const elementType = fc.constantFrom(...[...DATA_TYPES.values()].map((type) => type.name));
const numericType = elementType.filter((type) => type !== "string");
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const float32 = fc.float();

/** Fields with numbers that no message of ONNX uses. */
const unknownFields = fc.array(
  fc.tuple(fc.integer({ min: 900, max: 2 ** 29 - 1 }), fc.oneof(int64, bytes, float32)).map(([field, value]) => {
    const out = new WireWriter();
    if (typeof value === "bigint") out.varint(field, value);
    else if (typeof value === "number") out.float(field, value);
    else out.bytes(field, value);
    return out.finish();
  }),
  { maxLength: 2 },
);

const dims = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });
const frame = { docString: name, metadata: entries, unknownFields };

const numericTensor: fc.Arbitrary<OnnxTensor> = fc.record({ name, elementType: numericType, dims, ...frame, seed: fc.nat() }).map(
  ({ seed, ...tensor }) => {
    const next = seededRandom(seed);
    const data = Uint8Array.from({ length: tensorByteLength(tensor.elementType, tensor.dims) ?? 0 }, () => next() * 256);
    return { ...tensor, data, external: null };
  },
);

const stringTensor: fc.Arbitrary<OnnxTensor> = fc.record({ name, texts: fc.array(bytes, { maxLength: 4 }), ...frame }).map(
  ({ texts, ...tensor }) => ({ ...tensor, elementType: "string", dims: [texts.length], data: texts, external: null }),
);

const tensor = fc.oneof({ weight: 4, arbitrary: numericTensor }, stringTensor);
const sparse: fc.Arbitrary<OnnxSparseTensor> = fc.record({ values: numericTensor, indices: numericTensor, dims, unknownFields });

const dimension: fc.Arbitrary<OnnxDimension> = fc.oneof(
  fc.record({ kind: fc.constant("value" as const), value: fc.integer({ min: -1 }), denotation: name }),
  fc.record({ kind: fc.constant("param" as const), param: name, denotation: name }),
  fc.record({ kind: fc.constant("unknown" as const), denotation: name }),
);

const { type } = fc.letrec<{ type: OnnxType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3 },
    fc.record({
      kind: fc.constantFrom("tensor" as const, "sparse" as const),
      elementType: fc.oneof(elementType, fc.constant("undefined")),
      shape: fc.option(fc.array(dimension, { maxLength: 3 })),
      denotation: name,
    }),
    fc.record({ kind: fc.constantFrom("sequence" as const, "optional" as const), element: tie("type"), denotation: name }),
    fc.record({ kind: fc.constant("map" as const), keyType: elementType, value: tie("type"), denotation: name }),
    fc.record({ kind: fc.constant("other" as const), bytes: name.map((opaque) => new WireWriter().message(7, (out) => out.string(2, opaque)).finish()), denotation: name }),
  ),
}));

const valueInfo: fc.Arbitrary<OnnxValueInfo> = fc.record({ name, type: fc.option(type), ...frame });

function attribute(graph: fc.Arbitrary<OnnxGraph>): fc.Arbitrary<OnnxAttribute> {
  const list = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 3 });
  const kinds: Record<Exclude<OnnxAttributeValue["type"], "reference">, fc.Arbitrary<unknown>> = {
    float: float32, int: int64, string: bytes, tensor, graph, sparse, typeProto: type,
    floats: list(float32), ints: list(int64), strings: list(bytes), tensors: list(tensor), graphs: list(graph), sparses: list(sparse), typeProtos: list(type),
  };
  const value = fc.oneof(
    ...Object.entries(kinds).map(([kind, of]) => of.map((made) => ({ type: kind, value: made }) as OnnxAttributeValue)),
    fc.record({ type: fc.constant("reference" as const), value: name.filter((text) => text !== ""), refType: fc.integer({ min: 0, max: 14 }) }),
  );
  return fc.record({ value, head: fc.record({ name, docString: name, unknownFields }) }).map(({ value: made, head }) => ({ ...made, ...head }));
}

function node(graph: fc.Arbitrary<OnnxGraph>): fc.Arbitrary<OnnxNode> {
  return fc.record({
    name, opType: name, domain: name, overload: name,
    inputs: fc.array(name, { maxLength: 3 }), outputs: fc.array(name, { maxLength: 2 }),
    attributes: fc.array(attribute(graph), { maxLength: 3 }), ...frame,
  });
}

const { graph } = fc.letrec<{ graph: OnnxGraph }>((tie) => ({
  graph: fc.oneof({ maxDepth: 2, withCrossShrink: true }, graphWith([]), fc.array(node(tie("graph")), { maxLength: 3 }).chain(graphWith)),
}));

function graphWith(nodes: OnnxNode[]): fc.Arbitrary<OnnxGraph> {
  return fc.record({
    name, nodes: fc.constant(nodes), initializers: fc.array(tensor, { maxLength: 2 }), sparseInitializers: fc.array(sparse, { maxLength: 1 }),
    inputs: fc.array(valueInfo, { maxLength: 2 }), outputs: fc.array(valueInfo, { maxLength: 2 }), valueInfos: fc.array(valueInfo, { maxLength: 2 }),
    ...frame,
  });
}

const opsets = fc.array(fc.record({ domain: name, version: fc.nat(30) }), { maxLength: 3 });

const localFunction: fc.Arbitrary<OnnxFunction> = fc.record({
  domain: name, name, overload: name, inputs: fc.array(name, { maxLength: 2 }), outputs: fc.array(name, { maxLength: 2 }),
  attributeNames: fc.array(name, { maxLength: 2 }), attributeDefaults: fc.array(attribute(graph), { maxLength: 2 }),
  nodes: fc.array(node(graph), { maxLength: 2 }), opsets, valueInfos: fc.array(valueInfo, { maxLength: 1 }), ...frame,
});

/** Any model the in-memory form can hold. Names are arbitrary: the graphs make no sense, only the file does. */
export const anyModel: fc.Arbitrary<OnnxModel> = fc.record({
  irVersion: fc.nat(20), producerName: name, producerVersion: name, domain: name, modelVersion: int64, graph, opsets,
  functions: fc.array(localFunction, { maxLength: 2 }), ...frame,
});
