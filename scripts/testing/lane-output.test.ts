import { expect, test } from "vitest";
import { LaneOutput } from "./lane-output.ts";

test("a lane behind shows nothing until it comes to the front, then all of it in order, then everything at once", () => {
  const shown: string[] = [];
  const show = (chunk: Buffer | string): void => void shown.push(String(chunk));
  const front = new LaneOutput(show, true);
  const behind = new LaneOutput(show, false);
  front.write("a1");
  behind.write("b1");
  front.write(Buffer.from("a2"));
  behind.write("b2");
  expect(shown).toEqual(["a1", "a2"]);
  behind.toFront();
  behind.write("b3");
  behind.toFront();
  expect(shown).toEqual(["a1", "a2", "b1", "b2", "b3"]);
});
