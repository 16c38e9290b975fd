import { z } from "zod";

// What a child says is a claim: a hostile model may have taken the child over. So it is parsed like any other input.

const finite = z.number();
const name = z.string().max(65_536);

const latencySchema = z.object({
  p50: finite, p90: finite, p95: finite, p99: finite, min: finite, max: finite, mean: finite,
  n: z.number().int().positive(),
  method: z.string().max(500),
});

const tensorSchema = z.object({ name, elementType: z.string().max(32), shape: z.array(z.union([z.number().int(), name])).max(32) });

const factsSchema = z.object({ ortVersion: z.string().max(64), arch: z.string().max(32), isa: z.array(z.string().max(32)).max(64), cpuModel: z.string().max(256) });

/** Of a `ProbeOutput` (probe.ts), what the import job keeps. */
export const probeOutputSchema = z.object({
  report: z.object({
    loadMs: finite,
    firstRunMs: finite,
    inputs: z.array(tensorSchema).max(4_096),
    outputs: z.array(tensorSchema).max(4_096),
    latencyMs: latencySchema,
    peakRssBytes: z.number().int().positive(),
    layers: z
      .array(
        z.object({
          name,
          opType: z.string().max(1_024),
          provider: z.string().max(256),
          medianUs: finite,
          sharePercent: finite,
          outputShape: z.array(z.number().int()).max(64).nullable(),
          parameterBytes: finite,
        }),
      )
      .max(2_000),
    macs: finite.nullable(),
  }),
  facts: factsSchema,
});
export type ParsedProbe = z.infer<typeof probeOutputSchema>;

const graphName = z.string().max(400);
const graphShape = z.array(z.union([z.number(), graphName, z.null()])).max(16).nullable();
const graphEnd = z.object({ name: graphName, elementType: z.string().max(64), shape: z.array(z.union([z.number(), graphName])).max(16).nullable() });

/** What describe-graph.ts hands over. */
export const graphOutputSchema = z.object({
  inputs: z.array(graphEnd).max(64),
  outputs: z.array(graphEnd).max(64),
  nodes: z
    .array(
      z.object({
        name: graphName, opType: graphName, domain: graphName, block: z.string().max(500), outputShape: graphShape,
        parameterCount: finite.nonnegative(), parameterBytes: finite.nonnegative(), attributes: z.record(z.string().max(100), z.string().max(100)), medianUs: finite.nullable(), layer: graphName.nullable(),
      }),
    )
    .max(5_000),
  edges: z.array(z.object({ from: z.number().int(), to: z.number().int(), value: graphName, shape: graphShape })).max(20_000),
  blocks: z.array(z.object({ path: z.string().max(500), label: z.string().max(100) })).max(2_000),
  omittedNodes: z.number().int().nonnegative(),
});

/** A `ConvertKerasOutput` (convert-keras.ts). */
export const convertKerasOutputSchema = z.object({ producer: z.string().max(200), normalizesInput: z.boolean(), notes: z.array(z.string().max(500)).max(10) });

/** A `GoldenOutput` (golden.ts). */
export const goldenOutputSchema = z.object({ base64: z.base64().min(1) });

/** A `CheckGoldenOutput` (check-golden.ts). */
export const checkGoldenOutputSchema = z.object({ difference: z.object({ output: name, reason: z.string().max(2_000) }).nullable() });

/** A `BenchmarkOutput` (benchmark.ts). */
export const benchmarkOutputSchema = z.object({
  results: z
    .array(
      z.object({
        mode: z.enum(["back_to_back", "scheduled"]),
        intervalMs: finite.nullable(),
        latencyMs: latencySchema,
        firstRunMs: finite,
        durationMs: finite,
        lateStarts: z.number().int().nonnegative(),
        curve: z.array(z.object({ run: z.number().int().nonnegative(), p50: finite, p99: finite })).max(200),
      }),
    )
    .min(1)
    .max(2),
  facts: factsSchema,
});
