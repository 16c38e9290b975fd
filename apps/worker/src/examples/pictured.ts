import { examplePicture, openDataset } from "@flotilla/datasets";
import type { TrainingOutcome } from "@flotilla/fleet";

type Worst = NonNullable<TrainingOutcome["validation"]>["worst"][number];

/** Pixels of a picture on the training's page. */
const PICTURE_SIDE = 84;

/** Examples of the validation split with what they look like. Rows of numbers look like nothing. */
export async function pictured(worst: readonly Omit<Worst, "image">[], datasetPath: string): Promise<Worst[]> {
  const dataset = await openDataset(datasetPath);
  const seen: Worst[] = [];
  for (const { index, label, answer, confidence, loss } of worst) {
    const example = await dataset.read("validation", index);
    const picture = example.kind === "table" ? null : await examplePicture(example, PICTURE_SIDE);
    seen.push({ index, label, answer, confidence, loss, image: picture === null ? null : `data:${picture.mediaType};base64,${Buffer.from(picture.bytes).toString("base64")}` });
  }
  await dataset.close();
  return seen;
}
