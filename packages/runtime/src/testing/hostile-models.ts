import type { RefusalCode } from "../model-refusal.ts";
import type { FunctionDescription, GraphDescription, NodeDescription, TensorDescription } from "../onnx-writer.ts";
import { buildModel, floatTensor, int64Tensor } from "../onnx-writer.ts";
import type { ExternalFile } from "../types.ts";
import { WireWriter } from "../wire-writer.ts";

/** A file somebody might upload, with what the reader must say about it. Generated, so that the repository holds no hostile binary. */
export type HostileModel = {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly files?: readonly ExternalFile[];
  readonly refusal: RefusalCode;
  /** A part of the sentence the user reads. */
  readonly says: string | RegExp;
};

const X = { name: "x", elementType: "float32", shape: ["n", 4] } as const;
const Y = { name: "y", elementType: "float32", shape: ["n", 4] } as const;
const RELU: NodeDescription = { opType: "Relu", inputs: ["x"], outputs: ["y"] };

/** The smallest sound model, with parts replaced. */
function model(graph: Partial<GraphDescription> = {}, rest: Omit<Parameters<typeof buildModel>[0], "graph"> = {}): Uint8Array {
  return buildModel({ ...rest, graph: { nodes: [RELU], inputs: [X], outputs: [Y], ...graph } });
}

const WITH_LOCAL = [
  { domain: "", version: 17 },
  { domain: "local", version: 1 },
];

/** f0 calls f1 calls f2 … `depth` functions, each calling the next `calls` times. 3,000 deep ends ONNX Runtime with SIGSEGV. */
export function functionChain(depth: number, calls = 1): Uint8Array {
  const functions: FunctionDescription[] = Array.from({ length: depth }, (_, index) => ({
    domain: "local",
    name: `f${index}`,
    inputs: ["a"],
    outputs: [`b${calls}`],
    opsets: WITH_LOCAL,
    nodes: Array.from({ length: calls }, (_unused, call) => ({
      opType: index + 1 < depth ? `f${index + 1}` : "Relu",
      domain: index + 1 < depth ? "local" : "",
      inputs: [call === 0 ? "a" : `b${call}`],
      outputs: [`b${call + 1}`],
    })),
  }));
  return model({ nodes: [{ opType: "f0", domain: "local", inputs: ["x"], outputs: ["y"] }] }, { functions, opsets: WITH_LOCAL });
}

/** 73 bytes or so that make ONNX Runtime take 604 MB while it loads, for 2^27. */
export function constantOfShape(elements: bigint): Uint8Array {
  return model({
    nodes: [{ opType: "ConstantOfShape", inputs: ["shape"], outputs: ["y"] }],
    inputs: [],
    outputs: [{ name: "y", elementType: "float32", shape: ["n"] }],
    initializers: [int64Tensor("shape", [1], [elements])],
  });
}

/** Never ends. `trips`: a constant, absent, or computed from the input so that no reader can see it. */
export function endlessLoop(trips: "absent" | "constant" | "computed"): Uint8Array {
  const body: GraphDescription = {
    name: "body",
    inputs: [
      { name: "i", elementType: "int64", shape: [] },
      { name: "again", elementType: "bool", shape: [] },
      { name: "state", elementType: "float32", shape: ["n", 4] },
    ],
    outputs: [
      { name: "again_out", elementType: "bool", shape: [] },
      { name: "state_out", elementType: "float32", shape: ["n", 4] },
    ],
    nodes: [
      { opType: "Identity", inputs: ["again"], outputs: ["again_out"] },
      { opType: "Relu", inputs: ["state"], outputs: ["state_out"] },
    ],
  };
  const computed: NodeDescription[] = [
    { opType: "Shape", inputs: ["x"], outputs: ["x_shape"] },
    { opType: "ReduceProd", inputs: ["x_shape"], outputs: ["x_size"], attributes: { keepdims: { int: 0 } } },
    { opType: "Mul", inputs: ["x_size", "trips"], outputs: ["many"] },
  ];
  const tripName = { absent: "", constant: "trips", computed: "many" }[trips];
  return model({
    nodes: [
      ...(trips === "computed" ? computed : []),
      { opType: "Loop", name: "forever", inputs: [tripName, "true", "x"], outputs: ["y"], attributes: { body: { graph: body } } },
    ],
    initializers: [
      int64Tensor("trips", [], [2n ** 50n]),
      { name: "true", elementType: "bool", shape: [], raw: Uint8Array.of(1) },
    ],
  });
}

/** `depth` If nodes, each in the branch of the one before. */
export function nestedIfs(depth: number): Uint8Array {
  const level = (left: number): NodeDescription[] => {
    if (left === 0) return [{ opType: "Relu", inputs: ["x"], outputs: ["out0"] }];
    const branch: GraphDescription = { nodes: level(left - 1), inputs: [], outputs: [{ ...Y, name: `out${left - 1}` }] };
    const attributes = { then_branch: { graph: branch }, else_branch: { graph: elseBranch(left) } };
    return [{ opType: "If", inputs: ["condition"], outputs: [`out${left}`], attributes }];
  };
  const elseBranch = (left: number): GraphDescription => ({
    nodes: [{ opType: "Neg", inputs: ["x"], outputs: [`else${left}`] }],
    inputs: [],
    outputs: [{ ...Y, name: `else${left}` }],
  });
  return model({
    nodes: level(depth),
    outputs: [{ ...Y, name: `out${depth}` }],
    initializers: [{ name: "condition", elementType: "bool", shape: [], raw: Uint8Array.of(1) }],
  });
}

/** A weight of 4 float32 numbers kept in an external file. */
export function externalModel(external: NonNullable<TensorDescription["external"]>): Uint8Array {
  return model({
    nodes: [{ opType: "Add", inputs: ["x", "w"], outputs: ["y"] }],
    initializers: [{ name: "w", elementType: "float32", shape: [4], external }],
  });
}

/** A sequence of a sequence of … of float32, as the type of an output that no node makes. */
function nestedTypes(depth: number): Uint8Array {
  const nest = (out: WireWriter, left: number): void => {
    if (left === 0) out.message(1, (tensor) => tensor.varint(1, 1));
    else out.message(4, (sequence) => sequence.message(1, (inner) => nest(inner, left - 1)));
  };
  const extra = new WireWriter().message(7, (graph) => {
    graph.message(11, (value) => value.string(1, "deep").message(2, (type) => nest(type, depth)));
  });
  return new Uint8Array([...new WireWriter().varint(1, 8).finish(), ...extra.finish()]);
}

const nodeWith = (node: Partial<NodeDescription>) => model({ nodes: [{ ...RELU, ...node }] });
const withTensor = (tensor: TensorDescription) => model({ initializers: [tensor] });
const ascii = (text: string) => new TextEncoder().encode(text);
const amplifier = (opType: string, inputs: readonly string[], initializers: readonly TensorDescription[]) =>
  model({ nodes: [{ opType, name: "big", inputs, outputs: ["y"] }], initializers });

/** Files that are not ONNX at all. */
function otherFiles(): HostileModel[] {
  const zip = (names: readonly string[]) => new Uint8Array([0x50, 0x4b, 3, 4, ...ascii(`\u0000\u0000${names.join("\u0000")}`)]);
  return [
    { name: "empty file", bytes: new Uint8Array(0), refusal: "empty_file", says: "empty" },
    { name: "web page", bytes: ascii("\n<!DOCTYPE html><html><body>Sign in</body></html>"), refusal: "html_page", says: "web page" },
    { name: "64 KiB of zeros", bytes: new Uint8Array(65_536), refusal: "not_onnx", says: "zeros" },
    { name: "HDF5", bytes: new Uint8Array([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0]), refusal: "keras_hdf5", says: "tf2onnx" },
    { name: "PyTorch archive", bytes: zip(["archive/data.pkl", "archive/version"]), refusal: "pytorch_archive", says: "torch.onnx.export" },
    { name: "TorchScript archive", bytes: zip(["net/code/__torch__.py", "net/constants.pkl"]), refusal: "pytorch_archive", says: "torch.onnx.export" },
    { name: "PyTorch file of old", bytes: new Uint8Array([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]), refusal: "pickle", says: "torch.onnx.export" },
    { name: "Keras archive", bytes: zip(["metadata.json", "config.json", "model.weights.h5"]), refusal: "keras_archive", says: "tf2onnx" },
    { name: "ZIP archive", bytes: zip(["model.onnx"]), refusal: "zip_archive", says: "unpack" },
    { name: "pickle protocol 4", bytes: new Uint8Array([0x80, 4, 0x95, 0, 0, 0]), refusal: "pickle", says: "torch.onnx.export" },
    { name: "pickle protocol 0", bytes: ascii("cposix\nsystem\np0\n(S'id'\np1\ntp2\nRp3\n."), refusal: "pickle", says: "run code" },
    { name: ".ort file", bytes: new Uint8Array([0x20, 0, 0, 0, ...ascii("ORTM"), 0, 0]), refusal: "ort_format", says: ".ort" },
    { name: "TensorFlow Lite file", bytes: new Uint8Array([0x1c, 0, 0, 0, ...ascii("TFL3"), 0, 0]), refusal: "tflite", says: "TensorFlow Lite" },
    { name: "shared library", bytes: new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1]), refusal: "not_onnx", says: "shared library" },
    { name: "Git LFS pointer", bytes: ascii("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"), refusal: "not_onnx", says: "git lfs pull" },
    { name: "safetensors", bytes: new Uint8Array([9, 0, 0, 0, 0, 0, 0, 0, ...ascii('{"w":{}}')]), refusal: "not_onnx", says: "safetensors" },
    { name: "plain text", bytes: ascii("hello world, I am not a model"), refusal: "malformed", says: "damaged or not an ONNX model" },
    { name: "protobuf without a graph", bytes: new WireWriter().varint(1, 8).string(2, "me").finish(), refusal: "not_onnx", says: "no network" },
  ];
}

/** Sound protobuf that asks for too much. */
function excesses(): HostileModel[] {
  const manyNodes = Array.from({ length: 50_001 }, (_, index) => ({ opType: "Relu", inputs: [`v${index}`], outputs: [`v${index + 1}`] }));
  const manyTensors = Array.from({ length: 50_001 }, (_, index) => int64Tensor(`t${index}`, [1], [0]));
  const longText = "a".repeat(65_537);
  return [
    { name: "3,000 chained functions", bytes: functionChain(3_000), refusal: "too_many_functions", says: "256" },
    { name: "20,000 chained functions", bytes: functionChain(20_000), refusal: "too_many_functions", says: "256" },
    { name: "200 chained functions", bytes: functionChain(200), refusal: "function_calls_too_deep", says: "32 deep" },
    { name: "functions that double 20 times", bytes: functionChain(20, 2), refusal: "too_many_nodes", says: "unfolded" },
    {
      name: "function that calls itself",
      bytes: model(
        { nodes: [{ opType: "f", domain: "local", inputs: ["x"], outputs: ["y"] }] },
        { opsets: WITH_LOCAL, functions: [{ domain: "local", name: "f", inputs: ["a"], outputs: ["b"], opsets: WITH_LOCAL, nodes: [{ opType: "f", domain: "local", inputs: ["a"], outputs: ["b"] }] }] },
      ),
      refusal: "function_recursion",
      says: "calls itself",
    },
    { name: "9 nested Ifs", bytes: nestedIfs(9), refusal: "subgraphs_too_deep", says: "8 deep" },
    { name: "30 nested Ifs", bytes: nestedIfs(30), refusal: "subgraphs_too_deep", says: "8 deep" },
    { name: "types nested 70 deep", bytes: nestedTypes(70), refusal: "nesting_too_deep", says: "64 deep" },
    { name: "50,001 nodes", bytes: model({ nodes: manyNodes }), refusal: "too_many_nodes", says: "50,000" },
    { name: "50,001 initialisers", bytes: model({ initializers: manyTensors }), refusal: "too_many_initializers", says: "50,000" },
    { name: "name of 65,537 bytes", bytes: nodeWith({ name: longText }), refusal: "string_too_long", says: "65536 are allowed" },
    { name: "string attribute of 65,537 bytes", bytes: nodeWith({ attributes: { s: { string: longText } } }), refusal: "string_too_long", says: "string attribute" },
    { name: "ConstantOfShape 2^27", bytes: constantOfShape(134_217_728n), refusal: "computes_too_much", says: "ConstantOfShape" },
    { name: "ConstantOfShape 2^31 - 1", bytes: constantOfShape(2n ** 31n - 1n), refusal: "computes_too_much", says: "ConstantOfShape" },
    { name: "ConstantOfShape 2^40", bytes: constantOfShape(2n ** 40n), refusal: "computes_too_much", says: "ConstantOfShape" },
    { name: "Expand to 2^30", bytes: amplifier("Expand", ["x", "to"], [int64Tensor("to", [2], [32_768, 32_768])]), refusal: "computes_too_much", says: 'Expand "big"' },
    { name: "Tile by 2^30", bytes: amplifier("Tile", ["x", "by"], [int64Tensor("by", [2], [32_768, 32_768])]), refusal: "computes_too_much", says: 'Tile "big"' },
    {
      name: "Range of 2^40",
      bytes: amplifier("Range", ["from", "to", "step"], [int64Tensor("from", [], [0]), int64Tensor("to", [], [2n ** 40n]), int64Tensor("step", [], [1])]),
      refusal: "computes_too_much",
      says: 'Range "big"',
    },
    {
      name: "Expand by way of Constant and Identity",
      bytes: model({
        nodes: [
          { opType: "Constant", inputs: [], outputs: ["c"], attributes: { value_ints: { ints: [65_536, 65_536] } } },
          { opType: "Identity", inputs: ["c"], outputs: ["d"] },
          { opType: "Expand", inputs: ["x", "d"], outputs: ["y"] },
        ],
      }),
      refusal: "computes_too_much",
      says: "Expand",
    },
    { name: "endless Loop without trip count", bytes: endlessLoop("absent"), refusal: "computes_too_much", says: "never ends" },
    { name: "Loop of 2^50 rounds", bytes: endlessLoop("constant"), refusal: "computes_too_much", says: "1048576 are allowed" },
  ];
}

/** Tensors whose shape and bytes contradict each other, and what the model may not ask for. */
function contradictions(): HostileModel[] {
  const raw = new Uint8Array(16);
  return [
    { name: "dims [2^62, 8]", bytes: withTensor({ name: "w", elementType: "float32", shape: [2n ** 62n, 8], raw }), refusal: "tensor_too_large", says: 'tensor "w"' },
    { name: "dims whose product wraps to 0", bytes: withTensor({ name: "w", elementType: "float32", shape: [2n ** 32n, 2n ** 32n], raw: new Uint8Array(0) }), refusal: "tensor_too_large", says: 'tensor "w"' },
    { name: "dims [0, 2^62]", bytes: withTensor({ name: "w", elementType: "float32", shape: [0, 2n ** 62n] }), refusal: "tensor_too_large", says: 'tensor "w"' },
    { name: "negative dims", bytes: withTensor({ name: "w", elementType: "float32", shape: [-4], raw }), refusal: "negative_dimension", says: "-4" },
    { name: "fewer bytes than the shape", bytes: withTensor({ name: "w", elementType: "float32", shape: [5], raw }), refusal: "tensor_size_mismatch", says: "needs 20 bytes" },
    { name: "more bytes than the shape", bytes: withTensor({ name: "w", elementType: "int8", shape: [15], raw }), refusal: "tensor_size_mismatch", says: "needs 15 bytes" },
    { name: "shape without bytes", bytes: withTensor({ name: "w", elementType: "float32", shape: [65_536, 16_384] }), refusal: "tensor_size_mismatch", says: "holds 0 values" },
    { name: "custom operator", bytes: nodeWith({ opType: "Foo", domain: "com.acme" }), refusal: "custom_operator", says: "uses custom operator com.acme:Foo" },
    {
      name: "custom operator hidden in a branch",
      bytes: model({
        nodes: [
          {
            opType: "If",
            inputs: ["condition"],
            outputs: ["y"],
            attributes: {
              then_branch: { graph: { nodes: [{ opType: "PyOp", domain: "ai.onnx.contrib", inputs: ["x"], outputs: ["t"] }], inputs: [], outputs: [{ ...Y, name: "t" }] } },
              else_branch: { graph: { nodes: [{ opType: "Relu", inputs: ["x"], outputs: ["e"] }], inputs: [], outputs: [{ ...Y, name: "e" }] } },
            },
          },
        ],
        initializers: [{ name: "condition", elementType: "bool", shape: [], raw: Uint8Array.of(0) }],
      }),
      refusal: "custom_operator",
      says: "ai.onnx.contrib:PyOp",
    },
    {
      name: "EPContext that names a file",
      bytes: nodeWith({ opType: "EPContext", domain: "com.microsoft", attributes: { ep_cache_context: { string: "/etc/passwd" }, embed_mode: { int: 0 } } }),
      refusal: "operator_not_allowed",
      says: "com.microsoft:EPContext",
    },
    { name: "opset 6", bytes: model({}, { opsets: [{ domain: "", version: 6 }] }), refusal: "opset_unsupported", says: "7 to 26" },
    { name: "opset 27", bytes: model({}, { opsets: [{ domain: "", version: 27 }] }), refusal: "opset_unsupported", says: "version 27" },
    { name: "no opset", bytes: model({}, { opsets: [] }), refusal: "opset_unsupported", says: "does not say" },
    { name: "IR version 14", bytes: model({}, { irVersion: 14 }), refusal: "ir_version_unsupported", says: "version 14" },
    { name: "control characters in a name", bytes: nodeWith({ opType: "Foo\u001b[2J\n", domain: "com.acme" }), refusal: "custom_operator", says: /^\P{Cc}*$/u },
  ];
}

/** External data. ONNX Runtime itself reads a hard link inside the model's folder. */
function externals(): HostileModel[] {
  const listed: readonly ExternalFile[] = [{ name: "weights.bin", sizeBytes: 16 }];
  const outside = (location: string): HostileModel => ({
    name: `external data at ${JSON.stringify(location)}`,
    bytes: externalModel({ location }),
    files: listed,
    refusal: "external_data_outside",
    says: "outside the upload",
  });
  return [
    ...["../secret.bin", "..", "/etc/passwd", "/dev/zero", "a/../../b", "..\\secret.bin", "C:\\secret.bin"].map(outside),
    { name: "external data at a memory address", bytes: externalModel({ location: "*/_ORT_MEM_ADDR_/*", offset: 4_096 }), files: listed, refusal: "external_data_invalid", says: "not allowed" },
    { name: "external data without a place", bytes: externalModel({ location: "" }), files: listed, refusal: "external_data_invalid", says: "not allowed" },
    { name: "external data in a folder", bytes: externalModel({ location: "sub/weights.bin" }), files: listed, refusal: "external_data_invalid", says: "not allowed" },
    { name: "external data that was not uploaded", bytes: externalModel({ location: "weights.bin" }), refusal: "external_data_missing", says: "was not uploaded" },
    { name: "external file that is not used", bytes: model(), files: listed, refusal: "external_data_unused", says: "does not use it" },
    { name: "external data past the end of its file", bytes: externalModel({ location: "weights.bin", offset: 4 }), files: listed, refusal: "external_data_out_of_range", says: "only 16" },
    { name: "external data of the wrong length", bytes: externalModel({ location: "weights.bin", length: 12 }), files: listed, refusal: "tensor_size_mismatch", says: "needs 16 bytes" },
    { name: "external data with a negative offset", bytes: externalModel({ location: "weights.bin", offset: -16 }), files: listed, refusal: "external_data_invalid", says: "offset" },
    { name: "external file larger than 2 GiB", bytes: externalModel({ location: "weights.bin" }), files: [{ name: "weights.bin", sizeBytes: 2 ** 31 + 1 }], refusal: "file_too_large", says: "weights.bin" },
    { name: "external file with a hostile name", bytes: model(), files: [{ name: "../weights.bin", sizeBytes: 16 }], refusal: "external_data_invalid", says: "not allowed" },
  ];
}

/** Every file the reader must refuse, with the refusal. Takes about a second to make. */
export function hostileModels(): HostileModel[] {
  const whole = model();
  const cut = { name: "model cut in the middle", bytes: whole.subarray(0, whole.length - 20), refusal: "truncated", says: "cut off" } as const;
  const twice = { name: "two graphs", bytes: new Uint8Array([...whole, ...whole]), refusal: "malformed", says: "two graphs" } as const;
  return [...otherFiles(), cut, twice, ...excesses(), ...contradictions(), ...externals()];
}

/** Small sound models of different kinds: the seeds of mutations. */
export function soundModels(): { readonly name: string; readonly bytes: Uint8Array }[] {
  return [
    { name: "one Relu", bytes: model() },
    { name: "8 nested Ifs", bytes: nestedIfs(8) },
    { name: "32 chained functions", bytes: functionChain(32) },
    {
      name: "Conv and Gemm",
      bytes: buildModel({
        graph: {
          inputs: [{ name: "x", elementType: "float32", shape: [1, 1, 4, 4] }],
          outputs: [{ name: "y", elementType: "float32", shape: [1, 2] }],
          initializers: [
            floatTensor("k", [2, 1, 3, 3], Array.from({ length: 18 }, (_, index) => index / 18)),
            int64Tensor("flat", [2], [1, -1]),
            floatTensor("w", [8, 2], Array.from({ length: 16 }, (_, index) => 1 - index / 16)),
          ],
          nodes: [
            { opType: "Conv", inputs: ["x", "k"], outputs: ["c"], attributes: { kernel_shape: { ints: [3, 3] } } },
            { opType: "Reshape", inputs: ["c", "flat"], outputs: ["f"] },
            { opType: "MatMul", inputs: ["f", "w"], outputs: ["y"] },
          ],
        },
      }),
    },
  ];
}
