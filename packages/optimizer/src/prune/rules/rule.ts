import type { OnnxNode } from "@flotilla/runtime/ir";
import type { AxisLabels } from "../channel-classes.ts";
import type { ChannelFlow, Labels } from "../channel-flow.ts";

/**
 * Carries channels through one operator: binds its constants, ties what it ties and labels its outputs. Gives a reason instead where it
 * cannot, which then freezes every channel that the node reads.
 */
export type ChannelRule = (node: OnnxNode, flow: ChannelFlow) => string | null;

/** Counts a negative axis from the end. */
export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Whether an axis other than those named carries channels. */
export function hasChannelsBeside(labels: Labels | null, axes: readonly number[]): boolean {
  return labels?.some((entry, axis) => entry !== null && !axes.includes(axis)) ?? false;
}

/** A list of that rank with labels at one axis. */
export function labelsAt(rank: number, axis: number, entry: AxisLabels | null): Labels {
  return Array.from({ length: rank }, (_, at) => (at === axis ? entry : null));
}

/** Axes of a node from its attribute or, in newer operator sets, from an input; null when that is not constant, [] when neither is there. */
export function axesOf(node: OnnxNode, flow: ChannelFlow, attributeAxes: readonly number[] | null, input: number, rank: number): number[] | null {
  const name = node.inputs[input] ?? "";
  const axes = attributeAxes ?? (name === "" ? [] : flow.integers(name));
  return axes === null ? null : axes.map((axis) => fromFront(axis, rank));
}
