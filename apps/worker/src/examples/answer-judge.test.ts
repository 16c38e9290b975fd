import type { Tensors } from "@flotilla/runtime";
import { expect, test } from "vitest";
import { AnswerJudge } from "./answer-judge.ts";

const said = (...scores: number[]): Tensors => ({ y: { elementType: "float32", shape: [1, scores.length], data: Float32Array.from(scores) } });

test("right and wrong answers fill the matrix; what was sure and wrong comes first", () => {
  const judge = new AnswerJudge();
  for (const [i, [label, scores]] of ([[0, [0.9, 0.1]], [0, [0.4, 0.6]], [1, [0.99, 0.01]], [1, [0.2, 0.8]]] as const).entries()) judge.add(i, label, said(...scores));
  const found = judge.result();
  expect(found).toMatchObject({ n: 4, accuracy: 0.5, confusion: [[1, 1], [1, 1]], worst: [{ index: 2, label: 1, answer: 0 }, { index: 1, label: 0, answer: 1 }] });
  expect(found?.worst[0]?.confidence).toBeCloseTo(0.99);
  expect(found?.loss).toBeCloseTo(-(Math.log(0.9) + Math.log(0.4) + Math.log(0.01) + Math.log(0.8)) / 4, 5);
});

test("logits are made shares first, shares stay as they are", () => {
  const judge = new AnswerJudge("y");
  judge.add(0, 1, said(2, 0));
  expect(judge.result()?.worst[0]?.confidence).toBeCloseTo(Math.exp(2) / (Math.exp(2) + 1), 6);
});

test("without labels, or with answers that are no scores of classes, there is nothing to tell", () => {
  const unlabelled = new AnswerJudge();
  unlabelled.add(0, null, said(1, 0));
  expect(unlabelled.result()).toBeNull();
  const beyond = new AnswerJudge();
  beyond.add(0, 5, said(1, 0));
  expect(beyond.result()).toBeNull();
  expect(new AnswerJudge().result()).toBeNull();
});

test("no more than the worst are remembered, and no matrix of more than 1,000 classes is made", () => {
  const judge = new AnswerJudge();
  for (let i = 0; i < 60; i += 1) judge.add(i, 1, said(i + 2, 0));
  expect(judge.result()?.worst.map(({ index }) => index)).toEqual(Array.from({ length: 24 }, (_, i) => 59 - i));
  const many = new AnswerJudge();
  many.add(0, 1, said(...new Array<number>(1_001).fill(0)));
  expect(many.result()).toMatchObject({ n: 1, confusion: null });
});
