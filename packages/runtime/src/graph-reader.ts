import { ModelRefusal, quoteName } from "./model-refusal.ts";
import { ATTRIBUTE, FUNCTION, GRAPH, NODE, OPSET } from "./onnx-fields.ts";
import {
  FUNCTIONS_MAX,
  GRAPH_VALUES_MAX,
  INITIALIZERS_MAX,
  NODES_MAX,
  SUBGRAPH_DEPTH_MAX,
} from "./reader-limits.ts";
import type { ExternalReference, TensorFacts } from "./tensor-reader.ts";
import { readSparseTensor, readTensor, SMALL_CONSTANT_ELEMENTS } from "./tensor-reader.ts";
import type { ValueSummary } from "./types.ts";
import { readValueInfo, readValueName } from "./value-reader.ts";
import type { Range, WireReader } from "./wire-reader.ts";
import { malformed } from "./wire-reader.ts";

/** Names visible in one graph, with the small constants behind them. Inner graphs see the outer ones. */
export type Scope = {
  readonly parent: Scope | null;
  readonly constants: Map<string, readonly number[]>;
  /** Output of an Identity node → its input. */
  readonly aliases: Map<string, string>;
  /** The first few; a loop body needs its second input and its first output. */
  readonly inputNames: string[];
  readonly outputNames: string[];
};

/** A node whose output size or duration its constants alone may decide. */
export type Amplifier = {
  readonly opType: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly attributes: ReadonlyMap<string, readonly number[]>;
  readonly scope: Scope;
  /** Body of a Loop. */
  readonly body: Scope | null;
};

export type Operator = { readonly domain: string; readonly opType: string; readonly overload: string; count: number };

/** One unit of code: the main graph with its subgraphs, or a local function. */
export type Body = { readonly operators: Map<string, Operator>; readonly opsets: { domain: string; version: number }[] };
export type LocalFunction = Body & { readonly domain: string; readonly name: string; readonly overload: string };

/** Everything collected while walking, for the checks and the summary. */
export type Collected = {
  readonly main: Body;
  readonly functions: LocalFunction[];
  readonly amplifiers: Amplifier[];
  readonly externals: { readonly reference: ExternalReference; readonly tensor: string }[];
  readonly inputs: ValueSummary[];
  readonly outputs: ValueSummary[];
  readonly initializerNames: Set<string>;
  graphName: string;
  nodeCount: number;
  initializerCount: number;
  parameterCount: number;
  initializerBytes: number;
  readonly parametersByType: Map<string, number>;
};

export function emptyCollection(): Collected {
  return {
    main: { operators: new Map(), opsets: [] },
    functions: [],
    amplifiers: [],
    externals: [],
    inputs: [],
    outputs: [],
    initializerNames: new Set(),
    graphName: "",
    nodeCount: 0,
    initializerCount: 0,
    parameterCount: 0,
    initializerBytes: 0,
    parametersByType: new Map(),
  };
}

/** Operators whose constant inputs or attributes are judged by `checkAmplifiers`. */
const AMPLIFIER_TYPES = new Set([
  ..."ConstantOfShape Expand Tile Range Loop RandomNormal RandomUniform OneHot Resize Pad".split(" "),
  ..."HannWindow HammingWindow BlackmanWindow MelWeightMatrix Upsample".split(" "),
]);

const OPERATOR_NAME_BYTES_MAX = 256;
const ATTRIBUTES_PER_NODE_MAX = 1_024;
const INPUTS_KEPT = 8;
const OPSETS_MAX = 256;

/** "ai.onnx" is another spelling of the standard domain. */
export function normalDomain(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

export function operatorKey(domain: string, opType: string, overload: string): string {
  return `${domain}\u0000${opType}\u0000${overload}`;
}

type Attribute = {
  nameRange: Range | null;
  readonly numbers: number[];
  tensor: TensorFacts | null;
  graph: Scope | null;
};

/** Walks graphs, nodes, attributes and functions, and counts what it meets into `into`. */
export class GraphReader {
  readonly #reader: WireReader;
  readonly into: Collected;

  constructor(reader: WireReader, into: Collected) {
    this.#reader = reader;
    this.into = into;
  }

  /** Reads the main graph (depth 0) or a subgraph. */
  async graph(range: Range, body: Body, parent: Scope | null, depth: number): Promise<Scope> {
    if (depth > SUBGRAPH_DEPTH_MAX) {
      throw new ModelRefusal("subgraphs_too_deep", `the model nests graphs (If, Loop, Scan) more than ${SUBGRAPH_DEPTH_MAX} deep`);
    }
    const reader = this.#reader;
    const scope: Scope = { parent, constants: new Map(), aliases: new Map(), inputNames: [], outputNames: [] };
    const end = reader.enter(range);
    while (reader.next(end)) {
      await this.#graphField(body, scope, depth);
      if (reader.tired) await reader.rest();
    }
    reader.exit(range);
    return scope;
  }

  async #graphField(body: Body, scope: Scope, depth: number): Promise<void> {
    const reader = this.#reader;
    const isMain = depth === 0;
    switch (reader.field) {
      case GRAPH.node:
        await this.#node(reader.range(), body, scope, depth);
        break;
      case GRAPH.name:
        if (isMain) this.into.graphName = reader.text("the name of the graph");
        break;
      case GRAPH.initializer:
        this.#countInitializer();
        this.#keepConstant(await this.#tensor(reader.range()), scope, isMain);
        break;
      case GRAPH.sparseInitializer:
        this.#countInitializer();
        for (const part of await readSparseTensor(reader, reader.range())) this.#tally(part);
        break;
      case GRAPH.input:
        if (isMain) this.#keepValue(this.into.inputs, reader.range());
        else if (scope.inputNames.length < INPUTS_KEPT) scope.inputNames.push(readValueName(reader, reader.range()));
        break;
      case GRAPH.output:
        if (isMain) this.#keepValue(this.into.outputs, reader.range());
        else if (scope.outputNames.length < INPUTS_KEPT) scope.outputNames.push(readValueName(reader, reader.range()));
        break;
      case GRAPH.valueInfo:
        readValueName(reader, reader.range());
        break;
      case GRAPH.docString:
        reader.textRange("the documentation of the graph");
        break;
      default:
    }
  }

  /** Reads one FunctionProto. */
  async localFunction(range: Range): Promise<void> {
    if (this.into.functions.length >= FUNCTIONS_MAX) {
      throw new ModelRefusal("too_many_functions", `the model defines more than ${FUNCTIONS_MAX} local functions`);
    }
    const reader = this.#reader;
    const body: Body = { operators: new Map(), opsets: [] };
    const scope: Scope = { parent: null, constants: new Map(), aliases: new Map(), inputNames: [], outputNames: [] };
    const names = { name: "", domain: "", overload: "" };
    const end = reader.enter(range);
    while (reader.next(end)) {
      if (reader.field === FUNCTION.name) names.name = this.#operatorName();
      else if (reader.field === FUNCTION.domain) names.domain = normalDomain(this.#operatorName());
      else if (reader.field === FUNCTION.overload) names.overload = this.#operatorName();
      else if (reader.field === FUNCTION.node) await this.#node(reader.range(), body, scope, 0);
      else if (reader.field === FUNCTION.opsetImport) readOpset(reader, body.opsets);
      else if (reader.field === FUNCTION.attributeProto) await this.#attribute(reader.range(), body, scope, 0);
      if (reader.tired) await reader.rest();
    }
    reader.exit(range);
    this.into.functions.push({ ...body, ...names });
  }

  async #node(range: Range, body: Body, scope: Scope, depth: number): Promise<void> {
    this.into.nodeCount += 1;
    if (this.into.nodeCount > NODES_MAX) {
      throw new ModelRefusal("too_many_nodes", `the model has more than ${NODES_MAX.toLocaleString("en")} nodes`);
    }
    const reader = this.#reader;
    const inputs: Range[] = [];
    const attributes: Attribute[] = [];
    let output: Range | null = null;
    let nameRange: Range | null = null;
    let opType = "";
    let domain = "";
    let overload = "";
    const end = reader.enter(range);
    while (reader.next(end)) {
      switch (reader.field) {
        case NODE.input: {
          const input = reader.textRange("the name of a node's input");
          if (inputs.length < INPUTS_KEPT) inputs.push(input);
          break;
        }
        case NODE.output:
          output ??= reader.textRange("the name of a node's output");
          break;
        case NODE.name:
          nameRange = reader.textRange("the name of a node");
          break;
        case NODE.opType:
          opType = this.#operatorName();
          break;
        case NODE.domain:
          domain = normalDomain(this.#operatorName());
          break;
        case NODE.overload:
          overload = this.#operatorName();
          break;
        case NODE.attribute:
          if (attributes.length >= ATTRIBUTES_PER_NODE_MAX) throw malformed(`a node with more than ${ATTRIBUTES_PER_NODE_MAX} attributes`);
          attributes.push(await this.#attribute(reader.range(), body, scope, depth));
          break;
        case NODE.docString:
          reader.textRange("the documentation of a node");
          break;
        default:
      }
      if (reader.tired) await reader.rest();
    }
    reader.exit(range);
    countOperator(body, domain, opType, overload);
    if (domain === "" || domain === "com.microsoft") this.#remember({ opType, inputs, output, nameRange, attributes, scope });
  }

  /** Keeps what the amplifier checks need of constants, identities and amplifiers. */
  #remember(node: {
    readonly opType: string;
    readonly inputs: readonly Range[];
    readonly output: Range | null;
    readonly nameRange: Range | null;
    readonly attributes: readonly Attribute[];
    readonly scope: Scope;
  }): void {
    const reader = this.#reader;
    if (node.opType === "Constant") {
      const [attribute] = node.attributes;
      const values = attribute?.tensor?.values ?? attribute?.numbers;
      if (node.output !== null && values !== undefined && values.length > 0) node.scope.constants.set(reader.decode(node.output), values);
    } else if (node.opType === "Identity") {
      const [input] = node.inputs;
      if (node.output !== null && input !== undefined) node.scope.aliases.set(reader.decode(node.output), reader.decode(input));
    } else if (AMPLIFIER_TYPES.has(node.opType)) {
      const attributes = new Map<string, readonly number[]>();
      for (const { nameRange, numbers } of node.attributes) {
        if (nameRange !== null) attributes.set(reader.decode(nameRange), numbers);
      }
      this.into.amplifiers.push({
        opType: node.opType,
        name: node.nameRange === null ? "" : reader.decode(node.nameRange),
        inputs: node.inputs.map((input) => reader.decode(input)),
        attributes,
        scope: node.scope,
        body: node.opType === "Loop" ? (node.attributes.find(({ graph }) => graph !== null)?.graph ?? null) : null,
      });
    }
  }

  async #attribute(range: Range, body: Body, scope: Scope, depth: number): Promise<Attribute> {
    const reader = this.#reader;
    const attribute: Attribute = { nameRange: null, numbers: [], tensor: null, graph: null };
    const end = reader.enter(range);
    while (reader.next(end)) {
      switch (reader.field) {
        case ATTRIBUTE.name:
          attribute.nameRange = reader.textRange("the name of an attribute");
          break;
        case ATTRIBUTE.int:
          attribute.numbers.push(reader.integer());
          break;
        case ATTRIBUTE.ints:
          await reader.countVarints(attribute.numbers, SMALL_CONSTANT_ELEMENTS);
          break;
        case ATTRIBUTE.string:
        case ATTRIBUTE.strings:
          reader.textRange("a string attribute");
          break;
        case ATTRIBUTE.tensor:
        case ATTRIBUTE.tensors:
          attribute.tensor = await this.#tensor(reader.range());
          break;
        case ATTRIBUTE.graph:
        case ATTRIBUTE.graphs:
          attribute.graph = await this.graph(reader.range(), body, scope, depth + 1);
          break;
        case ATTRIBUTE.sparseTensor:
        case ATTRIBUTE.sparseTensors:
          for (const part of await readSparseTensor(reader, reader.range())) this.#tally(part);
          break;
        case ATTRIBUTE.docString:
          reader.textRange("the documentation of an attribute");
          break;
        default:
      }
      if (attribute.numbers.length > SMALL_CONSTANT_ELEMENTS) throw malformed("an attribute that is given many times");
      if (reader.tired) await reader.rest();
    }
    reader.exit(range);
    return attribute;
  }

  async #tensor(range: Range): Promise<TensorFacts> {
    const facts = await readTensor(this.#reader, range);
    this.#tally(facts);
    return facts;
  }

  #tally(facts: TensorFacts): void {
    const { into } = this;
    into.parameterCount += facts.elements;
    into.initializerBytes += facts.sizeBytes;
    into.parametersByType.set(facts.typeName, (into.parametersByType.get(facts.typeName) ?? 0) + facts.elements);
    if (facts.external === null) return;
    const tensor = facts.nameRange === null ? "a tensor" : `tensor "${quoteName(this.#reader.decode(facts.nameRange))}"`;
    into.externals.push({ reference: facts.external, tensor });
  }

  #countInitializer(): void {
    this.into.initializerCount += 1;
    if (this.into.initializerCount > INITIALIZERS_MAX) {
      throw new ModelRefusal("too_many_initializers", `the model has more than ${INITIALIZERS_MAX.toLocaleString("en")} initialisers`);
    }
  }

  #keepConstant(facts: TensorFacts, scope: Scope, isMain: boolean): void {
    if (facts.nameRange === null || (!isMain && facts.values === null)) return;
    const name = this.#reader.decode(facts.nameRange);
    if (isMain) this.into.initializerNames.add(name);
    if (facts.values !== null) scope.constants.set(name, facts.values);
  }

  #keepValue(into: ValueSummary[], range: Range): void {
    if (into.length >= INITIALIZERS_MAX + GRAPH_VALUES_MAX) throw malformed("too many inputs or outputs");
    into.push(readValueInfo(this.#reader, range));
  }

  #operatorName(): string {
    const range = this.#reader.textRange("the name of an operator");
    if (range.end - range.start > OPERATOR_NAME_BYTES_MAX) {
      throw new ModelRefusal("string_too_long", `the name of an operator is longer than ${OPERATOR_NAME_BYTES_MAX} bytes`);
    }
    return this.#reader.decode(range);
  }
}

/** Reads one OperatorSetIdProto onto the list. */
export function readOpset(reader: WireReader, into: { domain: string; version: number }[]): void {
  const range = reader.range();
  let domain = "";
  let version = 0;
  const end = reader.enter(range);
  while (reader.next(end)) {
    if (reader.field === OPSET.domain) domain = normalDomain(reader.text("the domain of an operator set"));
    else if (reader.field === OPSET.version) version = reader.integer();
  }
  reader.exit(range);
  if (into.length >= OPSETS_MAX) throw malformed(`more than ${OPSETS_MAX} operator sets`);
  into.push({ domain, version });
}

function countOperator(body: Body, domain: string, opType: string, overload: string): void {
  const key = operatorKey(domain, opType, overload);
  const known = body.operators.get(key);
  if (known === undefined) body.operators.set(key, { domain, opType, overload, count: 1 });
  else known.count += 1;
}
