import { TemplateRefusal } from "./template-refusal.ts";

/** [channels, height, width]. */
export function imageInput(input: readonly number[], title: string): readonly [number, number, number] {
  const [channels = 0, height = 0, width = 0] = input;
  if (input.length !== 3) throw new TemplateRefusal(`${title} takes images of channels × height × width, not ${input.join(" × ")}`);
  return [channels, height, width];
}
