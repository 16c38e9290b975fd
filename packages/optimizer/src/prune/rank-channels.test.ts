import { seededRandom } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { floats, makeNode } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { smallModel, value } from "../testing/small-graphs.ts";
import { groupChannels } from "./channel-groups.ts";
import { ChannelMoments } from "./channel-moments.ts";
import { chooseChannels } from "./choose-channels.ts";
import { followChannels } from "./follow-channels.ts";
import { rankedGroups } from "./rank-channels.ts";

const random = seededRandom(5);

/** Six channels; the second reader is there when wanted, and is one that nobody measures. */
function sixChannels(withTransposed = false): OnnxModel {
  const weights = (count: number) => new Float32Array(count).fill(1);
  return smallModel({
    opset: 17,
    inputs: [value("x", [1, 2, 4, 4])],
    outputs: [value("y", [1, 3, 4, 4]), ...(withTransposed ? [value("z", [1, 3, 4, 4])] : [])],
    initializers: [floats("w1", [6, 2, 1, 1], weights(12)), floats("w2", [3, 6, 1, 1], weights(18)), floats("w3", [6, 3, 1, 1], weights(18))],
    nodes: [
      makeNode("Conv", ["x", "w1"], ["a"], {}, { name: "first" }),
      makeNode("Conv", ["a", "w2"], ["y"], {}, { name: "second" }),
      ...(withTransposed ? [makeNode("ConvTranspose", ["a", "w3"], ["z"], {}, { name: "third" })] : []),
    ],
  });
}

/** Channel 1 says what channel 0 says, channel 3 the sum of 2 and 4; channel 5 hardly moves. */
function momentsOf(kind: "means" | "covariances"): ChannelMoments {
  const moments = new ChannelMoments(6, kind);
  for (let example = 0; example < 40; example += 1) {
    const rows = Array.from({ length: 8 }, () => {
      const [a, b, c, d] = [random(), random(), random(), random()];
      return [a, 2 * a, b, b + c, c, 0.01 * d];
    });
    moments.add({ elementType: "float32", shape: [8, 6], data: Float32Array.from(rows.flat()) });
  }
  return moments;
}

function removed(count: number, model: OnnxModel, moments: ReadonlyMap<string, ChannelMoments>): number[] {
  const flow = followChannels(model);
  const [chosen = []] = chooseChannels(rankedGroups(groupChannels(flow).groups, flow, moments), { ratio: count / 6, roundTo: 1 });
  const [root] = flow.roots;
  return chosen.map((each) => [...(root?.labels ?? [])].findIndex((atom) => flow.classes.find(atom) === each)).sort((a, b) => a - b);
}

test("channels that say nothing of their own go first, and of those that say the same one stays", () => {
  const moments = new Map([["a", momentsOf("covariances")]]);
  const three = removed(3, sixChannels(), moments);
  expect(three).toContain(5);
  expect(three.filter((channel) => channel < 2)).toHaveLength(1);
  expect(three.filter((channel) => channel > 1 && channel < 5)).toHaveLength(1);
});

test("scores stay as they are where a product was not measured, or only its means were", () => {
  for (const [model, moments] of [[sixChannels(true), new Map([["a", momentsOf("covariances")]])], [sixChannels(), new Map([["a", momentsOf("means")]])], [sixChannels(), new Map<string, ChannelMoments>()]] as const) {
    const flow = followChannels(model);
    const { groups } = groupChannels(flow);
    expect(groups[0]?.classes).toHaveLength(6);
    expect(rankedGroups(groups, flow, moments)).toBe(groups);
  }
});
