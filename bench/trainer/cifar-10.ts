import type { ExampleSource } from "@flotilla/trainer";
import { cifar10 as pictures, inMemory, PIXELS_AS_THEY_ARE } from "../optimizer/examples.ts";

/** CIFAR-10's pictures under `input` as [1, 32, 32, 3] from 0 to 255; null without them. */
export async function cifar10(archive: "train" | "test", input: string, workDir: string): Promise<ExampleSource | null> {
  const found = await pictures({ archive, input, preprocessing: PIXELS_AS_THEY_ARE, workDir });
  return found === null ? null : inMemory(found);
}
