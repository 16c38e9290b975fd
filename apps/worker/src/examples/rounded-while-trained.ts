import type { TrainingRecipe } from "@flotilla/fleet";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { quantizeForTraining, type ExampleSource } from "@flotilla/trainer";
import { groundwork } from "../techniques/simplified.ts";

/** Examples that ranges are taken from: quantizeForTraining looks at no more. */
const OBSERVED_EXAMPLES = 256;

/**
 * The model as it will compute in integers, in a form that trains: norms are folded into the layers before them first, since what is rounded is what runs. Ranges come from examples that
 * are spread over the whole split, which may be in order of its classes. The same model and examples give the same bytes, so that an attempt can go on from another one's checkpoint.
 */
export async function roundedWhileTrained(model: OnnxModel, examples: ExampleSource, options: NonNullable<TrainingRecipe["quantization"]>, context: { seed: number; threads: number; signal: AbortSignal; tell(line: string): void }): Promise<OnnxModel> {
  // What each pass did is told where a person asked for passes.
  const ground = await groundwork(model, { seed: context.seed, tell: () => undefined }, "float");
  for (const warning of ground.warnings) context.tell(warning);
  const count = Math.min(OBSERVED_EXAMPLES, examples.count);
  const spread: ExampleSource = { count, read: (index) => examples.read(Math.floor((index * examples.count) / count)) };
  const rounded = await quantizeForTraining(ground.model, spread, options, context);
  context.tell(`Trains with ${options.weightBits}-bit weights, ${options.perChannel ? "a scale for each channel" : "one scale for each layer"}, and 8-bit activations; their ranges come from ${count} examples.`);
  return rounded;
}
