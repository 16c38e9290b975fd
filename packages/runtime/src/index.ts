export type {
  BenchmarkOptions,
  BenchmarkReport,
  DimensionOverrides,
  ElementType,
  ExternalFile,
  GoldenCheck,
  GoldenFailure,
  LatencySummary,
  LayerTiming,
  ModelSource,
  ModelSummary,
  OpenModel,
  OperatorCount,
  ProbeOptions,
  ProbeReport,
  RuntimeFacts,
  SandboxLimits,
  SandboxOutcome,
  SandboxRequest,
  SandboxUsage,
  SessionSettings,
  Tensor,
  TensorData,
  Tensors,
  TensorSpec,
  ValueSummary,
} from "./types.ts";
export { openModel } from "./backend.ts";
export type { DemoConvNetOptions } from "./demo-models.ts";
export { demoConvNet } from "./demo-models.ts";
export { concreteShape, syntheticFeeds, zeroFeeds } from "./feeds.ts";
export { float16ToNumber, numberToFloat16 } from "./float16.ts";
export { seededRandom } from "./random.ts";
export { readModelSummary } from "./model-reader.ts";
export type { RefusalCode } from "./model-refusal.ts";
export { ModelRefusal, REFUSAL_CODES } from "./model-refusal.ts";
export type {
  AttributeDescription,
  FunctionDescription,
  GraphDescription,
  ModelDescription,
  NodeDescription,
  TensorDescription,
  ValueDescription,
} from "./onnx-writer.ts";
export { buildModel, floatTensor, int64Tensor } from "./onnx-writer.ts";
export { runInSandbox } from "./sandbox.ts";
export type { SandboxContext } from "./sandbox-child.ts";
export { sandboxMain } from "./sandbox-child.ts";
export { benchmarkModel } from "./benchmark.ts";
export { summarizeLatency } from "./latency-summary.ts";
export { probeModel } from "./probe.ts";
export { kernelMacs } from "./profile.ts";
export { runtimeFacts } from "./runtime-facts.ts";
export { checkGoldenSet, makeGoldenSet } from "./golden-set.ts";
// The corpus of files that must be refused, for tests of every door a model can come in by.
export type { HostileModel } from "./testing/hostile-models.ts";
export { constantOfShape, endlessLoop, functionChain, hostileModels } from "./testing/hostile-models.ts";
