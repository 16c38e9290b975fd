import { DatasetRefusal, quoted } from "../dataset-refusal.ts";
import type { RawDataset, RawExample } from "../raw-example.ts";
import type { SourceFile } from "../source/source-file.ts";
import { folderPlaces, groupOf, isLitter } from "./folder-layout.ts";
import type { ReaderContext } from "./reader-context.ts";
import { wavFacts, type WavFacts, wavSamples } from "./wav.ts";

const SHARE_THAT_FITS = 0.95;

/** WAV files in class folders, mixed to one channel, all cut or padded to one length. Two passes: what they are like decides how they are stored. */
export async function readWavFolder(context: ReaderContext): Promise<RawDataset> {
  const sounds = context.files.filter((file) => /\.wav$/i.test(file.name) && !isLitter(file.name));
  for (const file of context.files) {
    if (!/\.wav$/i.test(file.name) && !isLitter(file.name)) context.defects.note("file_ignored", "Files that are no WAV files were passed over.", file.name);
  }
  const form = await survey(sounds, context);
  return {
    format: "wav-folder",
    kind: "audio",
    elementType: form.isSixteenBitMono ? "int16" : "float32",
    shape: [form.length],
    features: null,
    sampleRateHz: form.sampleRateHz,
    examples: readSounds(sounds, form, context),
  };
}

type Form = { readonly length: number; readonly sampleRateHz: number; readonly isSixteenBitMono: boolean; readonly unusable: ReadonlySet<string> };

async function survey(sounds: readonly SourceFile[], context: ReaderContext): Promise<Form> {
  const usable: { readonly name: string; readonly facts: WavFacts }[] = [];
  const unusable = new Set<string>();
  for (const file of sounds) {
    const facts = await factsOf(file, context, sounds.length);
    if (facts) usable.push({ name: file.name, facts });
    else unusable.add(file.name);
  }
  const rates = new Map<number, number>();
  for (const { facts } of usable) rates.set(facts.sampleRateHz, (rates.get(facts.sampleRateHz) ?? 0) + 1);
  const sampleRateHz = [...rates].toSorted((one, other) => other[1] - one[1])[0]?.[0] ?? 0;
  for (const { name, facts } of usable) {
    if (facts.sampleRateHz === sampleRateHz) continue;
    unusable.add(name);
    context.defects.leaveOut("wav_rate", `All sounds must have one sample rate; most have ${sampleRateHz} Hz. Resample the others.`, name, sounds.length);
  }
  const kept = usable.filter(({ name }) => !unusable.has(name)).map(({ facts }) => facts);
  const lengths = kept.map((facts) => facts.frames).toSorted((one, other) => one - other);
  const length = context.options.lengthSamples ?? lengths[Math.ceil(SHARE_THAT_FITS * lengths.length) - 1] ?? 1;
  const isSixteenBitMono = kept.every((facts) => facts.encoding === "integer" && facts.bytesPerSample <= 2 && facts.channels === 1);
  return { length, sampleRateHz, isSixteenBitMono, unusable };
}

async function factsOf(file: SourceFile, { defects, limits }: ReaderContext, expected: number): Promise<WavFacts | null> {
  try {
    const facts = wavFacts(await file.bytes());
    if (facts.frames > limits.audioSamples) throw new DatasetRefusal("wav_too_long", `A sound may have ${limits.audioSamples.toLocaleString("en-US")} samples. Cut it into pieces.`);
    return facts;
  } catch (error) {
    if (!(error instanceof DatasetRefusal) || !error.code.startsWith("wav_")) throw error;
    defects.leaveOut(error.code, error.reason, file.name, expected);
    return null;
  }
}

async function* readSounds(sounds: readonly SourceFile[], form: Form, context: ReaderContext): AsyncIterable<RawExample> {
  const { defects, options } = context;
  const places = folderPlaces(sounds.map((file) => file.name));
  for (const [at, file] of sounds.entries()) {
    if (form.unusable.has(file.name)) continue;
    const bytes = await file.bytes();
    const facts = wavFacts(bytes);
    const samples = wavSamples(bytes, facts, form.length);
    if (!samples.every(Number.isFinite)) {
      defects.leaveOut("value_not_finite", "Sounds with NaN or infinity in them are left out; export them again.", quoted(file.name), sounds.length);
      continue;
    }
    if (facts.frames > form.length) defects.note("sound_cut", `Sounds longer than ${form.length} samples were cut at the end.`, file.name);
    if (facts.frames < form.length) defects.note("sound_padded", `Sounds shorter than ${form.length} samples were padded with silence at the end.`, file.name);
    yield {
      id: file.name,
      payload: storedSamples(samples, form),
      encoding: "raw",
      label: places[at]?.className ?? null,
      split: places[at]?.split ?? null,
      group: groupOf(file.name, options.groupPrefix),
    };
  }
}

function storedSamples(samples: Float32Array, { length, isSixteenBitMono }: Form): Buffer {
  const stored = Buffer.alloc(length * (isSixteenBitMono ? 2 : 4));
  for (const [at, sample] of samples.entries()) {
    if (isSixteenBitMono) stored.writeInt16LE(Math.round(sample * 32_768), at * 2);
    else stored.writeFloatLE(Math.min(1, Math.max(-1, sample)), at * 4);
  }
  return stored;
}
