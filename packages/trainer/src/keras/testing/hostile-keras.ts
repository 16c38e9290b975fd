import type { File } from "h5wasm";
import type { KerasFormat } from "../convert-keras.ts";
import type { KerasLimits } from "../keras-limits.ts";
import type { KerasRefusalCode } from "../keras-refusal.ts";
import { formulaWeight } from "./formulas.ts";
import { h5File, h5Model, kerasModel, modelConfig, zipOf, type TestLayer, type TestModel, type ZipLies } from "./keras-files.ts";

/** A file that must be refused with this code, and what the reason has to say. */
export type HostileKeras = {
  readonly name: string;
  readonly format: KerasFormat;
  readonly bytes: () => Promise<Uint8Array>;
  readonly refusal: KerasRefusalCode;
  readonly says: string | RegExp;
  readonly limits?: Partial<KerasLimits>;
};

const input: TestLayer = { className: "InputLayer", name: "x", config: { batch_input_shape: [null, 2] } };
const dense = (more: Partial<TestLayer> = {}): TestLayer => ({
  className: "Dense", name: "d", config: { units: 1 }, weights: [{ dims: [2, 1], values: Float32Array.of(1, 2) }, { dims: [1], values: Float32Array.of(3) }], ...more,
});
const SOUND: TestModel = { layers: [input, dense()] };

/** A file with this text as its description. */
const described = (text: string) => () => h5File((file) => file.create_attribute("model_config", text));
const layered = (...layers: TestLayer[]) => () => h5Model({ layers: [input, ...layers] });
/** The sound description, and weights that `write` puts there. */
const weighed = (write: (file: File) => void, units = 1, features = 2) => () =>
  h5File((file) => {
    const shaped = { ...input, config: { batch_input_shape: [null, features] } };
    file.create_attribute("model_config", JSON.stringify(modelConfig({ layers: [shaped, dense({ config: { units, use_bias: false } })] })));
    file.create_group("model_weights");
    write(file);
  });
const graph = (layers: object[], outputs: unknown = [["d", 0, 0]], inputs: unknown = [["x", 0, 0]]) =>
  described(JSON.stringify({ class_name: "Functional", config: { layers: [{ class_name: "InputLayer", config: { name: "x", batch_input_shape: [null, 2] }, inbound_nodes: [] }, ...layers], input_layers: inputs, output_layers: outputs } }));
const relu = (name: string, from: unknown): object => ({ class_name: "ReLU", config: { name }, inbound_nodes: from });

type Row = readonly [name: string, bytes: () => Promise<Uint8Array>, refusal: KerasRefusalCode, says: string | RegExp, limits?: Partial<KerasLimits>];

const FILES: readonly Row[] = [
  ["nothing but the signature", async () => Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0), "keras_hdf5_damaged", "cannot be read"],
  ["signature and zeros", async () => Buffer.concat([Buffer.from("894844460d0a1a0a", "hex"), Buffer.alloc(4_096)]), "keras_hdf5_damaged", "cannot be read"],
  ["cut in half", async () => halved(await h5Model(SOUND)), "keras_hdf5_damaged", "cannot be read"],
  ["HDF5 of something else", () => h5File((file) => file.create_group("results")), "keras_no_model", "model.save()"],
  ["larger than is read", () => h5Model(SOUND), "keras_too_large", "100 are read at most", { fileBytes: 100 }],
];

const DESCRIPTIONS: readonly Row[] = [
  ["description that is no JSON", described("not json"), "keras_config_invalid", "not JSON"],
  ["description that is a number", described("7"), "keras_config_invalid", "names no class"],
  ["description without layers", described('{"class_name":"Functional","config":{}}'), "keras_config_invalid", "no list of layers"],
  ["brackets without end", described(`{"class_name":"Sequential","config":${"[".repeat(50_000)}${"]".repeat(50_000)}}`), "keras_config_invalid", "nested"],
  ["longer than is read", described("x".repeat(1_000)), "keras_hdf5_damaged", "at most 100 characters", { configCharacters: 100 }],
  ["description that is a list of texts", () => h5File((file) => file.create_attribute("model_config", ["a", "b"])), "keras_hdf5_damaged", "is not a text"],
  ["description that is a number in HDF5", () => h5File((file) => file.create_attribute("model_config", Float64Array.of(1))), "keras_hdf5_damaged", "is not a text"],
  ["layers named __proto__", layered({ className: "__proto__", name: "__proto__", config: {} }), "keras_layer_unsupported", "__proto__"],
  ["class named like a method", layered({ className: "toString", name: "d", config: {} }), "keras_layer_unsupported", "toString"],
  ["name of a million characters", layered(dense({ name: "d".repeat(1_000_000), weights: [] })), "keras_config_invalid", "without a class, a name"],
  ["more layers than are read", layered(dense(), dense({ name: "e" })), "keras_too_many_layers", "3 layers; 2 are read", { layers: 2 }],
];

const CODE: readonly Row[] = [
  ["Lambda layer", layered({ className: "Lambda", name: "evil", config: { function: ["4wEAAAAAAAAA", null, null] } }), "keras_lambda_layer", '"evil" is a Lambda layer'],
  ["Lambda layer inside of a network", layered({ className: "Sequential", name: "inner", config: (modelConfig({ layers: [{ className: "Lambda", name: "evil" }] }) as { config: object }).config }), "keras_lambda_layer", '"evil"'],
  ["layer of a package of its own", layered({ className: "Mine", name: "m", more: { registered_name: "pack>Mine" } }), "keras_custom_layer", '"Mine"'],
  ["layer of another module", layered({ className: "Dense", name: "m", more: { module: "os" } }), "keras_custom_layer", "not one of Keras' own"],
  ["module that only begins like Keras", layered({ className: "Dense", name: "m", more: { module: "keras.layersevil" } }), "keras_custom_layer", "not one of Keras' own"],
  ["function of an operation as a layer", layered({ className: "Add", name: "m", more: { module: "keras.src.ops.numpy" } }), "keras_custom_layer", '"Add"'],
  ["TFOpLambda", layered({ className: "TFOpLambda", name: "tf.math.add", config: { function: "math.add" } }), "keras_layer_unsupported", "TFOpLambda"],
  ["model with code of its own", described('{"class_name":"MyModel","config":{}}'), "keras_custom_layer", '"MyModel"'],
  ["activation of its own", layered(dense({ config: { units: 1, activation: "evil>fn" } })), "keras_option_unsupported", '"evil>fn"'],
  ["activation that is a Lambda", layered(dense({ config: { units: 1, activation: { class_name: "__lambda__", config: { value: "AAAA" } } } })), "keras_option_unsupported", "__lambda__"],
  ["layer that is not supported", layered({ className: "MultiHeadAttention", name: "m", config: {} }), "keras_layer_unsupported", "MultiHeadAttention"],
];

const convolution = (config: object): TestLayer[] => [{ className: "Reshape", name: "r", config: { target_shape: [1, 1, 2] } }, { className: "Conv2D", name: "c", config: { filters: 1, kernel_size: [1, 1], ...config } }];

const OPTIONS: readonly Row[] = [
  ["channels first", layered(...convolution({ data_format: "channels_first" })), "keras_option_unsupported", "data_format"],
  ["option nobody knows", layered(dense({ config: { units: 1, lora_rank: 4 } })), "keras_option_unsupported", "lora_rank"],
  ["state kept between batches", layered({ className: "RepeatVector", name: "r", config: { n: 2 } }, { className: "LSTM", name: "l", config: { units: 1, stateful: true } }), "keras_option_unsupported", "stateful"],
  ["double precision", layered(dense({ config: { units: 1, dtype: "float64" } })), "keras_dtype_unsupported", "float64"],
  ["units that are text", layered(dense({ config: { units: "1" } })), "keras_config_invalid", "units"],
  ["units without end", layered(dense({ config: { units: 1e300 } })), "keras_config_invalid", "units"],
  ["kernel of negative size", layered(...convolution({ kernel_size: [-1, 1] })), "keras_config_invalid", "kernel_size"],
  ["window larger than the picture", layered({ className: "Reshape", name: "r", config: { target_shape: [1, 1, 2] } }, { className: "MaxPooling2D", name: "p", config: { pool_size: [3, 3] } }), "keras_graph_invalid", "larger than what it goes over"],
  ["layer that takes another number of dimensions", layered({ className: "UpSampling1D", name: "u", config: { size: 2 } }), "keras_graph_invalid", "2 dimensions"],
  ["parameters that no file backs", described(JSON.stringify(modelConfig({ layers: [{ ...input, config: { batch_input_shape: [null, 2 ** 24] } }, { className: "LayerNormalization", name: "n", config: { scale: false, center: false } }] }))), "keras_too_large", "more weights", { weightElements: 1_000_000 }],
];

const GRAPHS: readonly Row[] = [
  ["layer that takes its own output", graph([relu("d", [[["d", 0, 0, {}]]])]), "keras_graph_cyclic", '"d"'],
  ["cycle of two layers", graph([relu("d", [[["e", 0, 0, {}]]]), relu("e", [[["d", 0, 0, {}]]])]), "keras_graph_cyclic", "takes its own output"],
  ["input that nothing makes", graph([relu("d", [[["nowhere", 0, 0, {}]]])]), "keras_graph_invalid", '"nowhere"'],
  ["output that nothing makes", graph([], [["nowhere", 0, 0]]), "keras_graph_invalid", '"nowhere"'],
  ["second output of a layer", graph([relu("d", [[["x", 0, 1, {}]]])]), "keras_graph_invalid", "one output"],
  ["two layers of one name", graph([relu("d", [[["x", 0, 0, {}]]]), relu("d", [[["x", 0, 0, {}]]])]), "keras_graph_invalid", "two layers"],
  ["connections that are none", graph([relu("d", "x")]), "keras_config_invalid", "no list of uses"],
  ["connections that are numbers", graph([relu("d", [7])]), "keras_graph_invalid", "cannot be read"],
  ["no outputs", graph([], []), "keras_graph_invalid", "no input or no output"],
  ["ten thousand outputs", graph([relu("d", [[["x", 0, 0, {}]]])], Array.from({ length: 10_000 }, () => ["d", 0, 0])), "keras_graph_invalid", "more than 1000"],
  ["networks in networks that multiply", described(JSON.stringify(multiplied(6))), "keras_too_many_layers", "more than 5000 times"],
  ["networks nested without end", layered(nested(20)), "keras_too_many_layers", "8 deep"],
];

/** A network that uses the next one a hundred times in a row, `depth` times over: a million million uses in 20 KB. */
function multiplied(depth: number): object {
  const uses = Array.from({ length: 100 }, (_, index) => [index === 0 ? ["x", 0, 0, {}] : ["n", index - 1, 0, {}]]);
  const inner = depth === 0 ? { class_name: "ReLU", config: { name: "n" } } : { class_name: "Functional", config: { ...(multiplied(depth - 1) as { config: object }).config, name: "n" } };
  const layers = [{ class_name: "InputLayer", config: { name: "x", batch_input_shape: [null, 2] }, inbound_nodes: [] }, { ...inner, inbound_nodes: uses }];
  return { class_name: "Functional", config: { name: "n", layers, input_layers: [["x", 0, 0]], output_layers: [["n", 99, 0]] } };
}

function nested(depth: number): TestLayer {
  const inner = depth === 0 ? [] : [nested(depth - 1)];
  return { className: "Sequential", name: "n", config: { layers: inner.map(({ className, name, config }) => ({ class_name: className, config: { ...config, name } })) } };
}

const names = (file: File, list: string[]): void => file.create_group("model_weights/d").create_attribute("weight_names", list);

const WEIGHTS: readonly Row[] = [
  ["no weights", weighed(() => undefined), "keras_weights_missing", "no weights"],
  ["weights that are not there", weighed((file) => names(file, ["d/kernel:0"])), "keras_weights_missing", "d/kernel:0"],
  ["weights of another shape", layered(dense({ weights: [{ dims: [1, 2], values: new Float32Array(2) }, { dims: [1], values: new Float32Array(1) }] })), "keras_weights_mismatch", "[1, 2]"],
  ["too few weights", layered(dense({ weights: [{ dims: [2, 1], values: new Float32Array(2) }] })), "keras_weights_mismatch", "takes 2 weights"],
  ["group that contains itself", weighed((file) => file.create_hard_link("/model_weights", "/model_weights/d")), "keras_weights_missing", "no weights"],
  ["link to itself", weighed((file) => file.create_soft_link("/model_weights/d", "/model_weights/d")), "keras_weights_missing", "no weights"],
  ["link to a file of the machine", weighed((file) => file.create_external_link("/etc/passwd", "/", "/model_weights/d")), "keras_weights_missing", "no weights"],
  ["names that are numbers", weighed((file) => file.create_group("model_weights/d").create_attribute("weight_names", Float64Array.of(1, 2))), "keras_hdf5_damaged", "list of names"],
  ["a list of 20,000 names", weighed((file) => names(file, Array.from({ length: 20_000 }, () => "k"))), "keras_too_large", "20000 entries"],
  ["weights that are texts", weighed((file) => {
    names(file, ["k"]);
    file.create_dataset({ name: "model_weights/d/k", data: ["a", "b"], shape: [2, 1] });
  }), "keras_dtype_unsupported", "floats"],
  ["67 million weights that are not stored", weighed((file) => {
    names(file, ["k"]);
    file.create_dataset({ name: "model_weights/d/k", data: new Float32Array(1), shape: [1, 1], maxshape: [null, null], chunks: [1, 1] }).resize([8_192, 8_192]);
  }, 8_192, 8_192), "keras_too_large", "67108864 numbers"],
  ["compressed zeros", weighed((file) => {
    names(file, ["k"]);
    file.create_dataset({ name: "model_weights/d/k", data: new Float32Array(2 ** 21), shape: [2_048, 1_024], chunks: [2_048, 1_024], compression: 9 });
  }, 1_024, 2_048), "keras_too_large", "in a file of"],
];

const archive = (lies: ZipLies, entry = "model.weights.h5") => async () => {
  const weights = await h5File((file) => file.create_group("layers"));
  return zipOf([["metadata.json", Buffer.from("{}"), entry === "metadata.json" ? lies : {}], ["config.json", Buffer.from(JSON.stringify(modelConfig({ layers: [input] })))], ["model.weights.h5", weights, entry === "model.weights.h5" ? lies : {}]]);
};

const ARCHIVES: readonly Row[] = [
  ["archive cut in half", async () => halved(await kerasModel(SOUND)), "keras_archive_damaged", "cut off"],
  ["bytes behind the archive", async () => Buffer.concat([await kerasModel(SOUND), Buffer.alloc(100, 1)]), "keras_archive_damaged", "appended"],
  ["archive without weights", async () => zipOf([["config.json", Buffer.from("{}")]]), "keras_archive_incomplete", "no model.weights.h5"],
  ["archive without a description", async () => zipOf([["model.weights.h5", Buffer.alloc(8)]]), "keras_archive_incomplete", "no config.json"],
  ["encrypted weights", archive({ flags: 1 }), "keras_archive_encrypted", "without a password"],
  ["packed by LZMA", archive({ method: 14 }), "keras_archive_damaged", "method 14"],
  ["wrong checksum", archive({ checksum: 7 }), "keras_archive_damaged", "checksum"],
  ["weights larger than declared", archive({ sizeBytes: 40 }), "keras_archive_damaged", "does not inflate"],
  ["weights smaller than declared", archive({ sizeBytes: 9_000 }), "keras_archive_damaged", "another size"],
  ["weights that end behind the file", archive({ packedBytes: 1_000_000 }), "keras_archive_damaged", "ends behind the file"],
  ["declared size of 4 GiB", archive({ sizeBytes: 0xfffffff0 }), "keras_archive_bomb", "would inflate"],
  ["20 MiB of zeros", async () => zipOf([["config.json", Buffer.from("{}")], ["model.weights.h5", Buffer.alloc(20 * 2 ** 20)]]), "keras_archive_bomb", "would inflate"],
  ["entries that share their bytes", archive({ offset: 0 }), "keras_archive_damaged", /shares its bytes|does not inflate/],
  ["the same name twice", async () => zipOf([["config.json", Buffer.from("{}")], ["config.json", Buffer.from("[]")]]), "keras_archive_damaged", "twice"],
  ["weights that are no HDF5", async () => zipOf([["config.json", Buffer.from("{}")], ["model.weights.h5", Buffer.from("hello")]]), "keras_hdf5_damaged", "cannot be read"],
  ["metadata that is no JSON", async () => zipOf([["metadata.json", Buffer.from("{")], ["config.json", Buffer.from("{}")], ["model.weights.h5", Buffer.from("hello")]]), "keras_config_invalid", "metadata.json"],
  ["Lambda layer in an archive", () => kerasModel({ layers: [input, { className: "Lambda", name: "evil" }] }), "keras_lambda_layer", '"evil"'],
];

/** Files that lie, reach outside, bring code or grow without end. */
export function hostileKeras(): HostileKeras[] {
  const listed = (format: KerasFormat, rows: readonly Row[]) => rows.map(([name, bytes, refusal, says, limits]) => ({ name, format, bytes, refusal, says, ...(limits ? { limits } : {}) }));
  return [...listed("h5", [...FILES, ...DESCRIPTIONS, ...CODE, ...OPTIONS, ...GRAPHS, ...WEIGHTS]), ...listed("keras", ARCHIVES)];
}

/** A sound file: a small classifier of pictures of 12 × 8 in three colours, which it brings between 0 and 1 by itself. */
export function soundKeras(format: KerasFormat): Promise<Uint8Array> {
  const layers: TestLayer[] = [
    { className: "InputLayer", name: "picture", config: { batch_input_shape: [null, 8, 12, 3] } },
    { className: "Rescaling", name: "rescaling", config: { scale: 1 / 255, offset: 0 } },
    { className: "Conv2D", name: "conv", config: { filters: 4, kernel_size: [3, 3], strides: [2, 2], padding: "same", activation: "relu" }, weights: [formulaWeight(0, [3, 3, 3, 4]), formulaWeight(1, [4])] },
    { className: "GlobalAveragePooling2D", name: "pool" },
    { className: "Dense", name: "scores", config: { units: 5, activation: "softmax" }, weights: [formulaWeight(2, [4, 5]), formulaWeight(3, [5])] },
  ];
  return format === "h5" ? h5Model({ layers }) : kerasModel({ layers });
}

function halved(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, Math.floor(bytes.byteLength / 2));
}
