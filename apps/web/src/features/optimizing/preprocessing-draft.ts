import type { Preprocessing } from "@flotilla/fleet";

type Kind = Preprocessing["kind"];

/** What the form holds: numbers as typed. */
export type PreprocessingDraft = {
  kind: Kind;
  resize: boolean; width: string; height: string; fit: "stretch" | "cover" | "contain";
  crop: boolean; cropWidth: string; cropHeight: string;
  channels: "rgb" | "bgr" | "grey"; layout: "nchw" | "nhwc"; invert: boolean;
  scale: string; mean: string; std: string; elementType: "float32" | "uint8" | "float16";
  lengthSamples: string; channelAxis: boolean; input: string; output: string;
};

const blank: PreprocessingDraft = {
  kind: "image", resize: false, width: "224", height: "224", fit: "stretch", crop: false, cropWidth: "224", cropHeight: "224", channels: "rgb", layout: "nchw", invert: false,
  scale: "1", mean: "", std: "", elementType: "float32", lengthSamples: "16000", channelAxis: false, input: "", output: "",
};

export function draftOf(from: Preprocessing | null): PreprocessingDraft {
  if (from === null) return blank;
  const base = { ...blank, kind: from.kind, scale: scaleText(from.scale), elementType: from.elementType, input: from.input ?? "", output: from.output ?? "" };
  if (from.kind === "audio") return { ...base, lengthSamples: String(from.lengthSamples), channelAxis: from.channelAxis };
  const normal = { ...base, mean: from.mean.join(", "), std: from.std.join(", ") };
  if (from.kind === "values") return normal;
  const { resize, centreCrop } = from;
  return {
    ...normal,
    resize: resize !== null, ...(resize !== null && { width: String(resize.width), height: String(resize.height), fit: resize.fit }),
    crop: centreCrop !== null, ...(centreCrop !== null && { cropWidth: String(centreCrop.width), cropHeight: String(centreCrop.height) }),
    channels: from.channels, layout: from.layout, invert: from.invert,
  };
}

/** As the API takes it, or what is wrong with the form. */
export function preprocessingOf(draft: PreprocessingDraft): { value: Preprocessing; problem: null } | { value: null; problem: string } {
  const scale = numberOf(draft.scale);
  const mean = numbersOf(draft.mean);
  const std = numbersOf(draft.std);
  const sides = [...(draft.resize ? [draft.width, draft.height] : []), ...(draft.crop ? [draft.cropWidth, draft.cropHeight] : [])];
  if (scale === null || scale === 0) return wrong("The scale is a number other than 0; 1/255 is one too.");
  if (mean === null) return wrong("The mean is a number per channel, with commas between, or empty.");
  if (std === null || std.some((value) => value <= 0)) return wrong("The standard deviation is a number above 0 per channel, with commas between, or empty.");
  if (draft.kind === "image" && sides.some((side) => !/^[1-9]\d{0,3}$/.test(side.trim()))) return wrong("Width and height are whole numbers of pixels.");
  if (draft.kind === "audio" && !/^[1-9]\d*$/.test(draft.lengthSamples.trim())) return wrong("The length is a whole number of samples.");
  const ends = { ...(draft.input !== "" && { input: draft.input }), ...(draft.output !== "" && { output: draft.output }) };
  if (draft.kind === "audio") return fine({ kind: "audio", ...ends, lengthSamples: Number(draft.lengthSamples), channelAxis: draft.channelAxis, scale, elementType: draft.elementType });
  const normal = { scale, mean, std, elementType: draft.elementType };
  if (draft.kind === "values") return fine({ kind: "values", ...ends, ...normal });
  return fine({
    kind: "image", ...ends, ...normal,
    resize: draft.resize ? { width: Number(draft.width), height: Number(draft.height), fit: draft.fit } : null,
    centreCrop: draft.crop ? { width: Number(draft.cropWidth), height: Number(draft.cropHeight) } : null,
    channels: draft.channels, layout: draft.layout, invert: draft.invert,
  });
}

function fine(value: Preprocessing): { value: Preprocessing; problem: null } {
  return { value, problem: null };
}
function wrong(problem: string): { value: null; problem: string } {
  return { value: null, problem };
}

/** 0.00392156862745098 → "1/255": people know it by that name. */
function scaleText(scale: number): string {
  const inverse = 1 / scale;
  return Math.abs(scale) < 1 && Math.abs(inverse - Math.round(inverse)) < 1e-9 ? `1/${Math.round(inverse)}` : String(scale);
}

function numberOf(text: string): number | null {
  const parts = text.trim().split("/").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const [top = Number.NaN, bottom = 1] = parts;
  const value = parts.length > 2 ? Number.NaN : top / bottom;
  return Number.isFinite(value) ? value : null;
}

function numbersOf(text: string): number[] | null {
  const values = text.split(/[,;\s]+/).filter((part) => part !== "").map(numberOf);
  return values.some((value) => value === null) ? null : values.filter((value) => value !== null);
}

/** Normalisations that most published image models were trained with. */
export const normalisations: readonly { label: string; part: Pick<PreprocessingDraft, "scale" | "mean" | "std"> }[] = [
  { label: "0 to 255", part: { scale: "1", mean: "", std: "" } },
  { label: "0 to 1", part: { scale: "1/255", mean: "", std: "" } },
  { label: "−1 to 1", part: { scale: "1/255", mean: "0.5", std: "0.5" } },
  { label: "ImageNet mean and std", part: { scale: "1/255", mean: "0.485, 0.456, 0.406", std: "0.229, 0.224, 0.225" } },
];
