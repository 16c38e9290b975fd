import { expect, test } from "vitest";
import { orderCandidates } from "./order-candidates.ts";

test("what saves nothing stays float, the rest goes back in the order of what it costs for what it saves", () => {
  const order = orderCandidates([
    { node: "slower", gain: -3, loss: 0 },
    { node: "dear", gain: 10, loss: 5 },
    { node: "cheap", gain: 10, loss: 0.01 },
    { node: "small", gain: 1, loss: 0.2 },
    { node: "unseen", gain: null, loss: 100 },
    { node: "free", gain: 1, loss: 0 },
  ]);
  expect(order).toEqual({ useless: ["slower"], ladder: ["unseen", "dear", "small", "cheap", "free"] });
});
