import type { VersionInspection } from "@flotilla/fleet";
import type { ModelSummary } from "@flotilla/runtime";
import type { ParsedProbe } from "../sandbox/child-schemas.ts";

/** The sandbox opens sessions with the runtime's default: one thread, as devices do. */
const PROBE_THREADS = 1;

/** Puts together what the reader found in the file and what the sandbox measured. */
export function inspectionOf(summary: ModelSummary, { report, facts }: ParsedProbe): VersionInspection {
  return {
    irVersion: summary.irVersion,
    producer: [summary.producer.name, summary.producer.version].filter((part) => part !== "").join(" "),
    opsets: summary.opsets.map(({ domain, version }) => ({ domain, version })),
    inputs: tensorSpecs(summary.inputs, report.inputs),
    outputs: tensorSpecs(summary.outputs, report.outputs),
    operators: summary.operators.map(({ domain, opType, count }) => ({ domain, opType, count })),
    nodeCount: summary.nodeCount,
    parameterCount: summary.parameterCount,
    macs: report.macs,
    initializerBytes: summary.initializerBytes,
    peakMemoryBytes: report.peakRssBytes,
    loadMs: report.loadMs,
    firstRunMs: report.firstRunMs,
    latencyMs: report.latencyMs,
    layers: report.layers,
    measuredOn: { cpu: facts.cpuModel, arch: facts.arch, isa: facts.isa, ortVersion: facts.ortVersion, threads: PROBE_THREADS },
  };
}

/** As declared in the file (with symbolic dimensions); where that leaves the rank open, as the run had it. */
function tensorSpecs(declared: ModelSummary["inputs"], measured: ParsedProbe["report"]["inputs"]): VersionInspection["inputs"] {
  return declared.map(({ name, elementType, shape }) => ({
    name,
    elementType,
    shape: [...(shape ?? measured.find((spec) => spec.name === name)?.shape ?? [])],
  }));
}
