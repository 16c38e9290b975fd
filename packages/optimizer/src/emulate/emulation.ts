import type { OpenModel, Tensor, Tensors } from "@flotilla/runtime";
import { openModel } from "@flotilla/runtime";
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxValueInfo } from "@flotilla/runtime/ir";
import { GraphIndex, subgraphs, writeOnnx } from "@flotilla/runtime/ir";
import type { Arithmetic, LayerInput } from "./compute-layer.ts";
import { computeLayer } from "./compute-layer.ts";
import type { DotLayer } from "./dot-layer.ts";
import { DotProducts } from "./dot-products.ts";
import { AS_ON_X86, fusedModel } from "./fused-model.ts";
import { dotLayer } from "./layers/dot-layer-of.ts";
import { dynamicProductParts } from "./layers/dynamic-product.ts";
import { canSaturate } from "./saturation-bound.ts";
import type { Stage } from "./stages.ts";
import { stagesBetween } from "./stages.ts";

/** A kernel of the fused graph that sums products of integers. */
export type EmulatedLayer = {
  /** Name of the node, or of its output where the node has none. */
  readonly node: string;
  readonly opType: string;
  /** Whether products of the largest activations and these weights can exceed 16 bits in some pair; null where it is not known. */
  readonly canSaturate: boolean | null;
  /** Why it runs in ONNX Runtime and not in the emulator, where it does. */
  readonly notEmulated: string | null;
};

/** A quantised model with the integer arithmetic of a chosen kind of CPU. */
export type Emulation = {
  readonly layers: readonly EmulatedLayer[];
  /** Outputs, and by node how many pairs of products did not fit. */
  run(feeds: Tensors): Promise<{ readonly outputs: Record<string, Tensor>; readonly events: ReadonlyMap<string, number> }>;
  close(): Promise<void>;
};

/**
 * Opens a QDQ model as a CPU of the given arithmetic would run it. ONNX Runtime fuses it and runs all but the sums of integer products,
 * which are computed here. With "saturating" that is needed only for layers in which some pair of products can exceed 16 bits: in the
 * others there is nothing to clip, whatever the input. One temporary file in `workDir` while it opens.
 *
 * That the other integer kernels (QLinearAdd, -Mul, -Sigmoid, -LeakyRelu, -Softmax, -AveragePool, -GlobalAveragePool, -Concat) give the
 * same on AVX512 and on AVX2 was checked on 193,000 outputs; float kernels may differ in the last place from CPU to CPU.
 */
export async function openEmulation(model: OnnxModel, options: { readonly arithmetic: Arithmetic; readonly workDir: string }): Promise<Emulation> {
  const fused = await fusedModel(model, options.workDir);
  fused.graph.nodes = fused.graph.nodes.flatMap((node) => dynamicProductParts(node));
  const index = new GraphIndex(fused.graph);
  const layers: EmulatedLayer[] = innerLayers(fused.graph);
  const emulated: DotLayer[] = [];
  for (const node of fused.graph.nodes) {
    const layer = dotLayer(node, (name) => index.constantValue(name));
    if (layer === null) continue;
    if (typeof layer === "string") {
      layers.push({ node: nodeLabel(node), opType: node.opType, canSaturate: null, notEmulated: layer });
      continue;
    }
    const saturates = layer.isPaired && canSaturate(layer.filters);
    const isNeeded = options.arithmetic === "exact" || saturates;
    if (isNeeded) emulated.push(layer);
    layers.push({ node: nodeLabel(node), opType: node.opType, canSaturate: saturates, notEmulated: isNeeded ? null : "its sums are the same on every CPU" });
  }
  return new StagedEmulation(fused, emulated, layers, options.arithmetic);
}

/** Integer kernels in branches and loop bodies are named, not emulated. */
function innerLayers(graph: OnnxGraph): EmulatedLayer[] {
  const inner = graph.nodes.flatMap((node) => subgraphs(node));
  return inner.flatMap((body) => [
    ...innerLayers(body),
    ...body.nodes
      .filter((node) => dotLayer(node, () => null) !== null)
      .map((node) => ({ node: nodeLabel(node), opType: node.opType, canSaturate: null, notEmulated: "it stands inside a branch or a loop" })),
  ]);
}

function nodeLabel({ name, outputs }: OnnxNode): string {
  return name === "" ? (outputs[0] ?? "") : name;
}

class StagedEmulation implements Emulation {
  readonly layers: readonly EmulatedLayer[];
  readonly #fused: OnnxModel;
  readonly #emulated: readonly DotLayer[];
  readonly #arithmetic: Arithmetic;
  readonly #stages: readonly Stage[];
  readonly #sessions = new Map<Stage, OpenModel>();
  readonly #lastUse: ReadonlyMap<string, number>;
  readonly #dot = new DotProducts();

  constructor(fused: OnnxModel, emulated: readonly DotLayer[], layers: readonly EmulatedLayer[], arithmetic: Arithmetic) {
    this.layers = layers;
    this.#fused = fused;
    this.#emulated = emulated;
    this.#arithmetic = arithmetic;
    this.#stages = stagesBetween(fused, emulated.map(({ node }) => node));
    const lastUse = new Map<string, number>();
    this.#stages.forEach(({ reads }, at) => {
      for (const name of reads) lastUse.set(name, at);
      const layer = emulated[at];
      for (const name of layer === undefined ? [] : [layer.activations, ...Object.values(layer.ranged ?? {})]) lastUse.set(name, at);
    });
    for (const { name } of fused.graph.outputs) lastUse.set(name, Number.POSITIVE_INFINITY);
    this.#lastUse = lastUse;
  }

  async run(feeds: Tensors): Promise<{ outputs: Record<string, Tensor>; events: Map<string, number> }> {
    const values = new Map<string, Tensor>(Object.entries(feeds));
    const events = new Map<string, number>();
    for (const [at, stage] of this.#stages.entries()) {
      if (stage.gives.length > 0) await this.#runStage(stage, values);
      const layer = this.#emulated[at];
      const input = layer === undefined ? null : layerInput(layer, values);
      if (layer !== undefined && input !== null) {
        const computed = computeLayer(layer, input, this.#arithmetic, this.#dot);
        values.set(layer.output, computed.output);
        events.set(nodeLabel(layer.node), computed.events);
      }
      for (const name of values.keys()) if ((this.#lastUse.get(name) ?? -1) <= at) values.delete(name);
    }
    const outputs = this.#fused.graph.outputs.map(({ name }) => [name, values.get(name)] as const);
    return { outputs: Object.fromEntries(outputs.filter((entry): entry is readonly [string, Tensor] => entry[1] !== undefined)), events };
  }

  async #runStage(stage: Stage, values: Map<string, Tensor>): Promise<void> {
    const feeds: Record<string, Tensor> = {};
    for (const name of stage.reads) {
      const value = values.get(name);
      if (value !== undefined) feeds[name] = value;
    }
    let session = this.#sessions.get(stage);
    if (session === undefined) {
      session = await openModel(writeOnnx(stageModel(this.#fused, stage, feeds)), { graphOptimization: "extended", sessionConfig: AS_ON_X86 });
      this.#sessions.set(stage, session);
    }
    for (const [name, tensor] of Object.entries(await session.run(feeds))) values.set(name, tensor);
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await session.close();
    this.#sessions.clear();
  }
}

/** Null when the activations are not there, as nothing made them. */
function layerInput(layer: DotLayer, values: ReadonlyMap<string, Tensor>): LayerInput | null {
  const activations = values.get(layer.activations);
  if (activations === undefined) return null;
  if (layer.input !== null) return { activations, params: layer.input };
  const number = (name: string | undefined) => Number(values.get(name ?? "")?.data[0] ?? 0);
  return { activations, params: { scale: number(layer.ranged?.scale), zero: number(layer.ranged?.zero) } };
}

/** A stage as a model of its own. The types of what it reads are those of the values at hand. */
function stageModel(fused: OnnxModel, stage: Stage, feeds: Tensors): OnnxModel {
  const index = new GraphIndex(fused.graph);
  const used = new Set(stage.nodes.flatMap((node) => [...index.reads(node)]));
  const value = (name: string, elementType: string | null): OnnxValueInfo => ({
    name,
    type: elementType === null ? null : { kind: "tensor", elementType, shape: null, denotation: "" },
    docString: "",
    metadata: [],
    unknownFields: [],
  });
  const graph = {
    ...fused.graph,
    nodes: [...stage.nodes],
    initializers: fused.graph.initializers.filter(({ name }) => used.has(name)),
    sparseInitializers: fused.graph.sparseInitializers.filter(({ values }) => used.has(values.name)),
    inputs: stage.reads.map((name) => value(name, feeds[name]?.elementType ?? "float32")),
    outputs: stage.gives.map((name) => value(name, null)),
    valueInfos: [],
  };
  return { ...fused, graph };
}
