import { openModel } from "@flotilla/runtime";
import { writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import type { mnist } from "../optimizer/examples.ts";

type Examples = NonNullable<ReturnType<typeof mnist>>;

/** Share of the examples whose class gets the highest score, one at a time as a device sees them. */
export async function rightShare(model: OnnxModel, examples: Examples): Promise<number> {
  const open = await openModel(writeOnnx(model));
  const output = open.outputs[0]?.name ?? "";
  let right = 0;
  for (let index = 0; index < examples.count; index += 1) {
    const { feeds, label } = await examples.read(index);
    const scores = [...((await open.run(feeds))[output]?.data ?? [])].map(Number);
    if (scores.indexOf(Math.max(...scores)) === label) right += 1;
  }
  await open.close();
  return right / examples.count;
}
