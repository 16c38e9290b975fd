import { crc32, deflateRawSync } from "node:zlib";
import type { File } from "h5wasm";

/** A layer of a test file: its configuration without the name, the layers it takes (empty: the one before it), and its weights. */
export type TestLayer = {
  readonly className: string;
  readonly name: string;
  readonly config?: object;
  readonly inputs?: readonly string[];
  readonly weights?: readonly TestWeight[];
  /** What else Keras would write beside the class name, e.g. `module`. */
  readonly more?: object;
  /** Of a nested network: names of its weights in `.h5`, and the group of the layer in it that has them in `.keras`. */
  readonly weightNames?: readonly string[];
  readonly nestedGroup?: string;
};
type TestWeight = { readonly dims: readonly number[]; readonly values: Float32Array | Float64Array };

export type TestModel = {
  readonly layers: readonly TestLayer[];
  /** "Functional" takes `inputs` of its layers; "Sequential" is a chain. */
  readonly className?: string;
  readonly outputs?: readonly string[];
  readonly kerasVersion?: string;
  /** Written instead of what the layers say. */
  readonly config?: object;
};

/** The model as Keras 2 writes it into one HDF5 file. */
export async function h5Model(model: TestModel): Promise<Uint8Array> {
  return h5File((file) => {
    file.create_attribute("model_config", JSON.stringify(model.config ?? modelConfig(model)));
    file.create_attribute("keras_version", model.kerasVersion ?? "2.4.0");
    file.create_attribute("backend", "tensorflow");
    file.create_group("model_weights");
    for (const { name, weights = [], weightNames } of model.layers) {
      const names = weightNames ?? weights.map((_, position) => `${name}/weight_${position}:0`);
      const group = file.create_group(`model_weights/${name}`);
      file.create_group(`model_weights/${name}/${names[0]?.split("/")[0] ?? name}`);
      group.create_attribute("weight_names", names.length === 0 ? new Float64Array(0) : [...names]);
      for (const [position, weight] of weights.entries()) writeWeight(file, `model_weights/${name}/${names[position] ?? ""}`, weight);
    }
  });
}

/** The model as Keras 3 writes it: an archive of two texts and an HDF5 file. */
export async function kerasModel(model: TestModel): Promise<Uint8Array> {
  const counts = new Map<string, number>();
  const weights = await h5File((file) => {
    file.create_group("layers");
    for (const { className, weights: own = [], nestedGroup } of model.layers) {
      const count = counts.get(className) ?? 0;
      counts.set(className, count + 1);
      const outer = `layers/${snakeCase(className)}${count === 0 ? "" : `_${count}`}`;
      file.create_group(outer);
      const group = nestedGroup === undefined ? outer : `${outer}/${nestedGroup}`;
      if (nestedGroup !== undefined) {
        file.create_group(`${outer}/layers`);
        file.create_group(group);
      }
      const holder = /^(LSTM|GRU|SimpleRNN)$/.test(className) ? `${group}/cell` : group;
      if (holder !== group) file.create_group(holder);
      file.create_group(`${holder}/vars`);
      for (const [position, weight] of own.entries()) writeWeight(file, `${holder}/vars/${position}`, weight);
    }
  });
  const metadata = JSON.stringify({ keras_version: model.kerasVersion ?? "3.4.1" });
  return zipOf([["metadata.json", Buffer.from(metadata)], ["config.json", Buffer.from(JSON.stringify(model.config ?? modelConfig(model)))], ["model.weights.h5", weights]]);
}

/** An HDF5 file that `write` has filled. */
export async function h5File(write: (file: File) => void): Promise<Uint8Array> {
  // Here and not on top: the corpus is for tests of other packages too, whose processes have no use for the library.
  const library = await import("h5wasm");
  const { FS } = await library.ready;
  const path = `/written-${written++}.h5`;
  const file = new library.File(path, "w");
  write(file);
  file.close();
  const bytes = FS.readFile(path);
  FS.unlink(path);
  return bytes;
}

let written = 0;

function writeWeight(file: File, name: string, { dims, values }: TestWeight): void {
  file.create_dataset({ name, data: values, shape: [...dims] });
}

export function modelConfig({ className = "Sequential", layers, outputs = [] }: TestModel): object {
  const inputNames = layers.filter((layer) => layer.className === "InputLayer").map(({ name }) => name);
  const written = layers.map((layer, position) => ({
    class_name: layer.className,
    config: { name: layer.name, ...layer.config },
    ...layer.more,
    ...(className === "Sequential" ? {} : { name: layer.name, inbound_nodes: layer.className === "InputLayer" ? [] : [(layer.inputs ?? [layers[position - 1]?.name ?? ""]).map((input) => [input, 0, 0, {}])] }),
  }));
  const ends = className === "Sequential" ? {} : { input_layers: inputNames.map((name) => [name, 0, 0]), output_layers: outputs.map((name) => [name, 0, 0]) };
  return { class_name: className, config: { name: "test", layers: written, ...ends } };
}

function snakeCase(className: string): string {
  return className.replaceAll(/(.)([A-Z][a-z]+)/g, "$1_$2").replaceAll(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
}

/** Fields of an entry's directory record that lie. */
export type ZipLies = { readonly method?: number; readonly flags?: number; readonly checksum?: number; readonly sizeBytes?: number; readonly packedBytes?: number; readonly offset?: number };

/** A ZIP file (PKWARE APPNOTE 6.3) of deflated entries. */
export function zipOf(entries: readonly (readonly [name: string, bytes: Uint8Array, lies?: ZipLies])[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes, lies = {}] of entries) {
    const packed = deflateRawSync(bytes);
    const fixed = Buffer.alloc(26);
    fixed.writeUInt16LE(20, 0);
    fixed.writeUInt16LE(lies.flags ?? 0, 2);
    fixed.writeUInt16LE(lies.method ?? 8, 4);
    fixed.writeUInt32LE(lies.checksum ?? crc32(bytes), 10);
    fixed.writeUInt32LE(lies.packedBytes ?? packed.byteLength, 14);
    fixed.writeUInt32LE(lies.sizeBytes ?? bytes.byteLength, 18);
    fixed.writeUInt16LE(Buffer.byteLength(name), 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(lies.offset ?? offset, 10);
    const local = Buffer.concat([Buffer.from("504b0304", "hex"), fixed, Buffer.from(name), packed]);
    directory.push(Buffer.concat([Buffer.from("504b01021400", "hex"), fixed, tail, Buffer.from(name)]));
    locals.push(local);
    offset += local.byteLength;
  }
  const end = Buffer.alloc(22);
  end.write("504b0506", 0, "hex");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).byteLength, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, ...directory, end]);
}
