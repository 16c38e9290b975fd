import { readFileSync } from "node:fs";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { readOnnx, upgradeOpset } from "@flotilla/runtime/ir";
import { simplify } from "../simplify/simplify.ts";

/** The convolutional digit classifier, simplified, with the name of its input and what its pixels go through. */
export async function digitClassifier(path: string): Promise<{ readonly model: OnnxModel; readonly input: string; readonly transform: { readonly scale: number; readonly shift: number } }> {
  const model = readOnnx(readFileSync(path));
  upgradeOpset(model, 13);
  const simplified = await simplify(model, { verifyRuns: 1 }, { target: "integer" });
  return { model: simplified.model, input: "0", transform: { scale: 1 / 255 / 0.3081, shift: 0.1307 / 0.3081 } };
}
