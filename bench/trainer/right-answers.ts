import { openModel } from "@flotilla/runtime";
import { writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import type { ExampleSource } from "@flotilla/trainer";

/** For each example 1 where its class gets the highest score, one at a time as a device sees them. */
export async function rightAnswers(model: OnnxModel, examples: ExampleSource): Promise<Uint8Array> {
  const open = await openModel(writeOnnx(model), { intraOpThreads: 1 });
  const output = open.outputs[0]?.name ?? "";
  const right = new Uint8Array(examples.count);
  for (let index = 0; index < examples.count; index += 1) {
    const { feeds, label } = await examples.read(index);
    const scores = [...((await open.run(feeds))[output]?.data ?? [])].map(Number);
    right[index] = scores.indexOf(Math.max(...scores)) === label ? 1 : 0;
  }
  await open.close();
  return right;
}

/** How many of the examples are right, as a share. */
export function rightShare(right: Uint8Array): number {
  return right.reduce((sum, one) => sum + one, 0) / right.length;
}
