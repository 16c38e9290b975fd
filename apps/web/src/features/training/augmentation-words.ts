import { numberIn, type NumberField, type TrainingDraft } from "./training-draft.ts";

type Part = Pick<TrainingDraft, "shift" | "rotate" | "scale" | "brightness" | "contrast" | "noise" | "mixup" | "crop" | "flip">;

const nothing: Part = { shift: "0", rotate: "0", scale: "0", brightness: "0", contrast: "0", noise: "0", mixup: "0", crop: "0", flip: false };

/** Sets that fit much of what people have. */
export const augmentationPresets: readonly { label: string; part: Part }[] = [
  { label: "None", part: nothing },
  { label: "Digits and signs", part: { ...nothing, shift: "8", rotate: "8", scale: "10" } },
  { label: "Photographs", part: { ...nothing, shift: "10", rotate: "10", scale: "20", brightness: "20", contrast: "20", flip: true } },
];

/** What the network will see, in one sentence: the note that stands for a preview. */
export function augmentationWords(draft: TrainingDraft, isImage: boolean): string {
  const value = (field: NumberField): number => numberIn(draft, field) ?? 0;
  const parts = [
    ...(isImage
      ? [
          value("shift") > 0 && `shifted by up to ${value("shift")} % of their side`,
          value("crop") > 0 && `cut out of a border of ${value("crop")} pixels`,
          value("rotate") > 0 && `turned by up to ${value("rotate")}°`,
          value("scale") > 0 && `${value("scale")} % larger or smaller`,
          draft.flip && "mirrored half of the time",
          value("brightness") > 0 && `up to ${value("brightness")} % brighter or darker`,
          value("contrast") > 0 && `with up to ${value("contrast")} % more or less contrast`,
        ]
      : []),
    value("noise") > 0 && `with noise of ${value("noise")} % of their range`,
    value("mixup") > 0 && "blended in pairs, labels too",
  ].filter((part) => part !== false);
  if (parts.length === 0) return "Examples are seen as they are. Validation and test examples always are.";
  const list = parts.length === 1 ? parts[0] : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
  return `Each time it is seen, an example is ${list}; all of it drawn from the seed. Validation and test examples stay as they are.`;
}
