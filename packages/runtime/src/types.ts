/**
 * The values and reports this package exchanges with its callers. Types only: importing this file costs nothing at run time.
 * Units stand in the names: `Ms` milliseconds, `Us` microseconds, `Bytes` bytes.
 */

/** Element types the Node binding of ONNX Runtime can carry in and out. */
export type ElementType =
  | "float32"
  | "float64"
  | "float16"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "bool"
  | "string"
  | "int4"
  | "uint4";

/** `float16` travels as its raw bits (Uint16Array), `bool` as 0/1 bytes, `int4`/`uint4` as packed nibbles (low nibble first). */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | readonly string[];

/** One dense tensor, row-major. `data.length` equals the product of `shape` (half of it, rounded up, for 4-bit types). */
export type Tensor = {
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  readonly data: TensorData;
};

export type Tensors = Readonly<Record<string, Tensor>>;

/** Name and type of a model input or output; a string in `shape` is a symbolic dimension (may be the empty string when unnamed). */
export type TensorSpec = {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly (number | string)[];
};

// ---- what the reader says -------------------------------------------------------------------------------------------

export type ModelSource = { readonly path: string } | { readonly bytes: Uint8Array };

/** A file uploaded beside the model to hold external tensor data. The model file itself is not listed. */
export type ExternalFile = { readonly name: string; readonly sizeBytes: number };

/**
 * As `TensorSpec`, but as written in the file: `elementType` may name types the runtime cannot carry ("bfloat16") and
 * non-tensor values ("sequence(map(int64,float32))", shape []). `shape` is null where the file leaves the rank open.
 */
export type ValueSummary = {
  readonly name: string;
  readonly elementType: string;
  readonly shape: readonly (number | string)[] | null;
};

/** `domain` is "" for the standard operators. */
export type OperatorCount = { readonly domain: string; readonly opType: string; readonly count: number };

export type ModelSummary = {
  readonly irVersion: number;
  readonly producer: { readonly name: string; readonly version: string };
  readonly graphName: string;
  /** Imported operator sets; `domain` is "" for the standard one. */
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  /** Inputs the caller must feed: graph inputs without those that initialisers already fill. */
  readonly inputs: readonly ValueSummary[];
  readonly outputs: readonly ValueSummary[];
  /** Every node as written, in the graph, its subgraphs and local functions (each body once); most frequent first. */
  readonly operators: readonly OperatorCount[];
  readonly nodeCount: number;
  readonly functionCount: number;
  /** Elements of all initialisers and `Constant` tensors. Weights kept in attributes (tree ensembles) are not tensors and not counted. */
  readonly parameterCount: number;
  /** The same elements by element type, e.g. { float16: 1235496 }. */
  readonly parametersByType: Readonly<Record<string, number>>;
  /** Bytes of those tensors, inside the file and in external files together. */
  readonly initializerBytes: number;
  /** External files the model refers to, with the number of tensors in each. */
  readonly externalFiles: readonly (ExternalFile & { readonly tensorCount: number })[];
  readonly metadata: Readonly<Record<string, string>>;
  /** The model file alone, without external files. */
  readonly modelSizeBytes: number;
};

// ---- running --------------------------------------------------------------------------------------------------------

export type SessionSettings = {
  /** Threads inside one operator. Default 1: two threads on a busy host gave a p99 20 times worse. */
  readonly intraOpThreads?: number;
  /** Threads across operators; more than 1 turns on parallel execution. Default 1. */
  readonly interOpThreads?: number;
  /**
   * How far ONNX Runtime rewrites the graph before it runs. Default "all". "basic" folds constants, "extended" also fuses (integer
   * kernels among them), "all" also changes the memory layout to suit this CPU.
   */
  readonly graphOptimization?: "disabled" | "basic" | "extended" | "all";
  /**
   * Set: the runtime writes the graph as it will run it to this path. A model written at "all" is bound to this CPU: to be read,
   * never to be shipped.
   */
  readonly optimizedModelPath?: string;
  /** Further keys of the runtime's session configuration without their "session." in front, e.g. { disable_quant_qdq: "1" }. */
  readonly sessionConfig?: Readonly<Record<string, string>>;
  /** In order of preference. Default ["cpu"]. */
  readonly executionProviders?: readonly string[];
  /** Set: the session writes an ONNX Runtime profile to `<prefix>_<timestamp>.json`, finished by `endProfiling()`. */
  readonly profilePrefix?: string;
};

/** A model loaded into ONNX Runtime. `run` blocks the thread while the model computes. */
export type OpenModel = {
  readonly inputs: readonly TensorSpec[];
  /** Tensor outputs only: `run` returns exactly these. */
  readonly outputs: readonly TensorSpec[];
  /** Outputs of other kinds (sequences and maps of classical models): the binding cannot carry them. */
  readonly unsupportedOutputs: readonly string[];
  run(feeds: Tensors): Promise<Record<string, Tensor>>;
  /** Ends profiling and returns the path of the profile, or null when the session was opened without `profilePrefix`. */
  endProfiling(): Promise<string | null>;
  close(): Promise<void>;
};

/** Fixes symbolic dimensions by name (`{ batch: 4 }`); unnamed and unlisted ones become 1. */
export type DimensionOverrides = Readonly<Record<string, number>>;

/** Percentiles are exact, from the sorted samples (nearest rank). */
export type LatencySummary = {
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Number of timed runs behind the figures. */
  readonly n: number;
  /** One line that says how they were measured. */
  readonly method: string;
};

export type LayerTiming = {
  /** Name in the optimised graph: a fused node bears the name of one of its parts or of its output, maybe with a suffix ("_nchwc"). */
  readonly name: string;
  readonly opType: string;
  /** Execution provider without its suffix, e.g. "CPU". */
  readonly provider: string;
  readonly medianUs: number;
  /** Share of the summed medians, 0–100. */
  readonly sharePercent: number;
  readonly outputShape: readonly number[] | null;
  readonly parameterBytes: number;
  /** Multiply-accumulates of one run, or null for operators that are not counted. */
  readonly macs: number | null;
};

export type ProbeOptions = SessionSettings & {
  /** Wall time for all runs together; loading is not part of it. Default 10,000. */
  readonly budgetMs?: number;
  /** Where the profile is written; must exist. Default: a private directory under the system's temporary one. */
  readonly workDir?: string;
  readonly dimensions?: DimensionOverrides;
  /** Seed of the synthetic inputs of the timed runs (the first run is on zeros). Default 1. */
  readonly seed?: number;
};

export type ProbeReport = {
  readonly loadMs: number;
  readonly firstRunMs: number;
  /** Concrete shapes, from the run. */
  readonly inputs: readonly (TensorSpec & { readonly shape: readonly number[] })[];
  readonly outputs: readonly (TensorSpec & { readonly shape: readonly number[] })[];
  readonly unsupportedOutputs: readonly string[];
  readonly latencyMs: LatencySummary;
  /** Highest resident memory of the whole process so far, so only meaningful in a process that did nothing else. */
  readonly peakRssBytes: number;
  /** In graph order. Empty when the profiled session could not run within the budget. */
  readonly layers: readonly LayerTiming[];
  /** Multiply-accumulates of one run, or null when no counted operator ran. */
  readonly macs: number | null;
  readonly macsMethod: string;
};

export type BenchmarkOptions = {
  /** Untimed runs first. Default 50. */
  readonly warmup?: number;
  /** Default 1,024. */
  readonly minRuns?: number;
  /** Default 10,000. */
  readonly minDurationMs?: number;
  /** Stops here even below `minRuns`. Default 60,000. */
  readonly maxDurationMs?: number;
  readonly mode?: "back-to-back" | "scheduled";
  /** Scheduled mode: distance of intended starts. Default 100 (10 Hz). */
  readonly intervalMs?: number;
  readonly seed?: number;
  readonly dimensions?: DimensionOverrides;
  readonly signal?: AbortSignal;
};

export type BenchmarkReport = {
  readonly mode: "back-to-back" | "scheduled";
  readonly intervalMs: number | null;
  readonly latencyMs: LatencySummary;
  /** Time of the very first run, warm-up included. */
  readonly firstRunMs: number;
  readonly durationMs: number;
  /** Scheduled mode: runs that began more than one interval late. */
  readonly lateStarts: number;
  /** All timed samples in order, for merging into histograms. */
  readonly samplesMs: Float64Array;
};

export type GoldenFailure = {
  readonly seed: number;
  readonly output: string;
  readonly reason: string;
};

export type GoldenCheck = {
  readonly ok: boolean;
  readonly comparedValues: number;
  readonly maxAbsError: number;
  readonly maxRelError: number;
  /** At most 100; `ok` is false exactly when there is one. */
  readonly failures: readonly GoldenFailure[];
};

export type RuntimeFacts = {
  readonly ortVersion: string;
  readonly nodeVersion: string;
  readonly arch: string;
  readonly platform: string;
  /** Sorted, of the closed list avx, avx2, avx512f, avx512_vnni, avx_vnni, amx_int8, f16c, fma, neon, dotprod, i8mm, sve, fp16. */
  readonly isa: readonly string[];
  /** Names the installed binding was built with, e.g. ["cpu"]. */
  readonly executionProviders: readonly string[];
  readonly cpuModel: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
};

// ---- the sandbox ----------------------------------------------------------------------------------------------------

export type SandboxLimits = {
  /** Resident memory of the child; also bounds the writable memory it can map, at twice this, where the system can. */
  readonly memoryBytes: number;
  /** CPU time of the child, all threads together. */
  readonly cpuSeconds: number;
  readonly wallMs: number;
  /** Largest single file the child may write. Default 1 GiB. */
  readonly fileBytes?: number;
  /** Largest JSON the child may return. */
  readonly outputBytes: number;
};

export type SandboxRequest<TIn> = {
  /** Module that calls `sandboxMain(async (input) => output)`. */
  readonly entry: URL;
  /** Structured as JSON: no typed arrays; pass paths for bytes. */
  readonly input: TIn;
  readonly limits: SandboxLimits;
  readonly signal?: AbortSignal;
  /** A private empty directory is made in here for the child and removed after it. Default: the system's temporary directory. */
  readonly workDir?: string;
  /** Called with each value the child hands to `progress(value)`. */
  readonly onProgress?: (value: unknown) => void;
};

export type SandboxUsage = { readonly peakRssBytes: number; readonly cpuMs: number; readonly wallMs: number };

export type SandboxOutcome<TOut> =
  | ({ readonly kind: "ok"; readonly output: TOut } & SandboxUsage)
  /** The entry threw. `code` is the error's own string `code` (a `ModelRefusal` code among them) or "error". */
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  | { readonly kind: "crashed"; readonly signal: string | null; readonly exitCode: number | null; readonly stderrTail: string }
  | { readonly kind: "timeout" }
  | { readonly kind: "out_of_memory" }
  | { readonly kind: "cpu_exceeded" }
  | { readonly kind: "cancelled" };
