import type { DatasetSummary, FittingTemplate, Preprocessing } from "@flotilla/fleet";
import { preprocessingSchema } from "@flotilla/fleet";
import { describeTemplate, listTemplates, TemplateRefusal, type TemplateOptions, type TrainingTemplate } from "@flotilla/trainer";

/** Pictures are brought to this side where they are larger, or of several sizes. */
const IMAGE_SIDE = 96;
/** What a keyword spotter hears: its bands are laid out for this rate. */
const SOUND_RATE_HZ = 16_000;

type Fit = { suits: TrainingTemplate["suits"][]; input: number[]; preprocessing: Preprocessing };

/** Networks that can be trained on these examples, each with what it takes and how large its sizes are. */
export function fittingTemplates(summary: DatasetSummary): FittingTemplate[] {
  const fit = fitOf(summary);
  if (fit === null || summary.counts.train === 0) return [];
  return listTemplates().filter(({ suits }) => fit.suits.includes(suits)).flatMap((template) => {
    const answers = answersOf(template, summary, fit);
    if (answers === null) return [];
    const presets = sizesOf(template, { input: fit.input, ...answers });
    return presets.length === 0 ? [] : [{ id: template.id, title: template.title, description: template.description, suits: template.suits, presets, input: fit.input, ...answers, preprocessing: fit.preprocessing }];
  });
}

function fitOf({ kind, shape, statistics, sampleRateHz }: DatasetSummary): Fit | null {
  if (kind === "image") {
    const [height = null, width = null, channels = null] = shape;
    const side = (length: number | null): number => (length === null || length > IMAGE_SIDE ? IMAGE_SIDE : length);
    const [wanted, isGrey] = [{ width: side(width), height: side(height) }, channels === 1];
    const resize = wanted.width === width && wanted.height === height ? null : { ...wanted, fit: "cover" };
    return { suits: ["images"], input: [isGrey ? 1 : 3, wanted.height, wanted.width], preprocessing: preprocessingSchema.parse({ kind: "image", layout: "nchw", channels: isGrey ? "grey" : "rgb", resize, scale: 1 / 255 }) };
  }
  if (shape.some((length) => length === null)) return null;
  const input = shape.map(Number);
  if (kind === "audio") {
    const samples = input.at(-1) ?? 0;
    const suits: Fit["suits"] = sampleRateHz === SOUND_RATE_HZ ? ["audio", "series"] : ["series"];
    return { suits, input: [samples], preprocessing: preprocessingSchema.parse({ kind: "audio", lengthSamples: samples }) };
  }
  // Columns are of different units: each is brought to mean 0 and deviation 1.
  const preprocessing = preprocessingSchema.parse({ kind: "values", ...(statistics === null ? {} : { mean: statistics.mean, std: statistics.std.map((std) => (std > 0 ? std : 1)) }) });
  return { suits: kind === "table" ? ["table"] : ["series", "table"], input, preprocessing };
}

function answersOf(template: TrainingTemplate, { task, classes }: DatasetSummary, { input }: Fit): Omit<TemplateOptions, "input"> | null {
  const values = input.reduce((product, length) => product * length, 1);
  if (template.learnsItsInput === true) return { answers: values, isClassifier: false };
  if (task === "classification") return classes.length > 1 ? { answers: classes.length, isClassifier: true } : null;
  return task === "regression" ? { answers: 1, isClassifier: false } : null;
}

/** Sizes that are not too large for the input; a template that takes another form of input has none. */
function sizesOf(template: TrainingTemplate, options: TemplateOptions): FittingTemplate["presets"] {
  return template.presets.flatMap((preset) => {
    try {
      return [{ ...preset, ...describeTemplate(template.id, preset.id, options) }];
    } catch (error) {
      if (error instanceof TemplateRefusal) return [];
      throw error;
    }
  });
}
