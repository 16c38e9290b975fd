import type { OnnxGraph, OnnxNode } from "@flotilla/runtime/ir";
import { GraphIndex } from "@flotilla/runtime/ir";
import type { CalibrationMethod } from "./calibrate.ts";
import { rangeOf } from "./calibrate.ts";
import type { NumberFormat, Quantisation, Range } from "./number-formats.ts";
import { quantisationFor } from "./number-formats.ts";
import type { Placement } from "./placement.ts";
import type { TensorStatistics } from "./tensor-statistics.ts";

const UNIT: Range = { min: 0, max: 1 };

/**
 * Values whose ranges have to be observed: one a group, none whose range is known, and no output of a Concat, which has the range that
 * its inputs have together.
 */
export function tensorsToObserve(graph: OnnxGraph, placement: Placement): string[] {
  const joined = new Set(integerConcats(graph, placement).flatMap(({ outputs }) => outputs));
  const leaders = new Set(placement.quantised.map((name) => placement.groups.find(name)));
  return [...leaders].filter((name) => !placement.unitRange.has(name) && !joined.has(name));
}

/** Concats all of whose inputs are quantised values. */
function integerConcats(graph: OnnxGraph, placement: Placement): OnnxNode[] {
  const quantised = new Set(placement.quantised);
  return graph.nodes.filter((node) => node.opType === "Concat" && placement.integer.has(node) && node.inputs.every((name) => quantised.has(name)));
}

/**
 * Scale and zero point for each quantised value, the same for all of a group. An input that nothing but a Concat reads gets the range of
 * its output, to which the Concat would round it anyway; all groups of a Concat become one when their ranges are within a factor of two.
 * A Concat of one scale only copies.
 */
export function activationScales(
  graph: OnnxGraph,
  placement: Placement,
  statistics: ReadonlyMap<string, TensorStatistics>,
  options: { readonly method: CalibrationMethod; readonly format: NumberFormat },
): Map<string, Quantisation> {
  const ranges = new Map<string, Range>();
  const concats = integerConcats(graph, placement);
  const joined = new Set(concats.flatMap(({ outputs }) => outputs));
  for (const name of placement.quantised) {
    const leader = placement.groups.find(name);
    if (ranges.has(leader) || joined.has(leader)) continue;
    const entry = statistics.get(leader);
    // A value without a finite sample is taken for one that is always 0.
    const range = placement.unitRange.has(leader) ? UNIT : entry === undefined ? null : rangeOf(entry, options.method, options.format);
    ranges.set(leader, range ?? { min: 0, max: 0 });
  }
  // In the order of the graph: a Concat may read another.
  for (const node of concats) {
    ranges.set(placement.groups.find(node.outputs[0] ?? ""), union(node.inputs.map((name) => ranges.get(placement.groups.find(name)) ?? UNIT)));
  }
  const index = new GraphIndex(graph);
  for (const node of concats) {
    joinPrivateInputs(node, index, placement);
    joinConcat([...node.inputs, ...node.outputs], placement, ranges);
  }
  const scales = new Map<string, Quantisation>();
  for (const name of placement.quantised) {
    const range = ranges.get(placement.groups.find(name));
    if (range !== undefined) scales.set(name, quantisationFor(options.format, range));
  }
  return scales;
}

/** Inputs of a Concat that only it reads, be it behind operators that move values, take the range of its output. */
function joinPrivateInputs(concat: OnnxNode, index: GraphIndex, { groups, quantised, integer }: Placement): void {
  const output = concat.outputs[0] ?? "";
  for (const input of new Set(concat.inputs)) {
    const group = groups.find(input);
    if (group === groups.find(output)) continue;
    const members = quantised.filter((name) => groups.find(name) === group);
    const isMovedOn = (reader: OnnxNode) => integer.has(reader) && reader.outputs.every((name) => groups.find(name) === group);
    const isPrivate = (name: string) => !index.isGraphOutput(name) && index.consumers(name).every((reader) => reader === concat || isMovedOn(reader));
    if (members.every(isPrivate)) groups.join(output, input);
  }
}

const CONCAT_FACTOR = 2;

function joinConcat(names: readonly string[], { groups }: Placement, ranges: Map<string, Range>): void {
  const leaders = [...new Set(names.map((name) => groups.find(name)).filter((name) => ranges.has(name)))];
  const found = leaders.map((leader) => ranges.get(leader) ?? UNIT);
  const widths = found.map(({ min, max }) => Math.max(max, 0) - Math.min(min, 0));
  const [first, ...others] = leaders;
  if (first === undefined || Math.max(...widths) > CONCAT_FACTOR * Math.min(...widths)) return;
  for (const other of others) groups.join(first, other);
  ranges.set(groups.find(first), union(found));
}

function union(ranges: readonly Range[]): Range {
  return { min: Math.min(...ranges.map(({ min }) => min)), max: Math.max(...ranges.map(({ max }) => max)) };
}
