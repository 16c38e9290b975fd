import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ExampleSource } from "../examples.ts";

/** Real models and data, kept outside the repository. */
const SHARED = join(import.meta.dirname, "../../../../../shared");

/** Path of a file of real models or data, and a reason to print when it is not here. */
export function sharedFile(...parts: string[]): { readonly path: string; readonly missing: string | null } {
  const path = join(SHARED, ...parts);
  return { path, missing: existsSync(path) ? null : `${path} is not here` };
}

/** An MNIST split from IDX files: 28×28 pixels of 0–255 each, fed under `input` as `pixel · scale − shift`. */
export function mnist(split: "train" | "test", input: string, transform: { readonly scale: number; readonly shift: number }): ExampleSource {
  const images = gunzipSync(readFileSync(join(SHARED, "data/mnist", `${split}-images.idx3.gz`)));
  const labels = gunzipSync(readFileSync(join(SHARED, "data/mnist", `${split}-labels.idx1.gz`)));
  const pixels = 28 * 28;
  return {
    count: images.readUInt32BE(4),
    read(index) {
      const data = Float32Array.from(images.subarray(16 + index * pixels, 16 + (index + 1) * pixels), (pixel) => pixel * transform.scale - transform.shift);
      return Promise.resolve({ feeds: { [input]: { elementType: "float32", shape: [1, 1, 28, 28], data } }, label: labels[8 + index] ?? null });
    },
  };
}
