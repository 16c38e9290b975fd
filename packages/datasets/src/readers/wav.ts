import { DatasetRefusal } from "../dataset-refusal.ts";

/** What of a WAV file is needed to read its samples. */
export type WavFacts = {
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly encoding: "integer" | "float";
  readonly bytesPerSample: number;
  readonly dataOffset: number;
  readonly frames: number;
};

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
const MOST_CHANNELS = 64;

const unreadable = (cause?: string): DatasetRefusal =>
  new DatasetRefusal("wav_unreadable", "Sounds must be whole WAV files. Export the damaged ones again or take them out.", { cause });

/**
 * RIFF/WAVE (Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0"): chunks of id, size, content. Throws DatasetRefusal
 * `wav_unreadable`, `wav_encoding`. A data chunk that says more than the file has (recorders that were cut off do) is unreadable.
 */
export function wavFacts(bytes: Uint8Array): WavFacts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const id = (at: number): string => Buffer.from(bytes.subarray(at, at + 4)).toString("latin1");
  if (bytes.byteLength < 12 || id(0) !== "RIFF" || id(8) !== "WAVE") throw unreadable("no RIFF/WAVE header");
  let format: Omit<WavFacts, "dataOffset" | "frames"> | null = null;
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    const end = at + 8 + size;
    if (id(at) === "fmt ") {
      if (size < 16 || end > bytes.byteLength) throw unreadable("short format chunk");
      format = soundFormat(new DataView(bytes.buffer, bytes.byteOffset + at + 8, size));
    }
    if (id(at) === "data") {
      if (format === null || end > bytes.byteLength) throw unreadable("data without format, or cut off");
      const frames = Math.floor(size / (format.bytesPerSample * format.channels));
      if (frames === 0) throw unreadable("no samples");
      return { ...format, dataOffset: at + 8, frames };
    }
    // Chunks are padded to even sizes.
    at = end + (size & 1);
  }
  throw unreadable("no data chunk");
}

function soundFormat(view: DataView): Omit<WavFacts, "dataOffset" | "frames"> {
  const tag = view.getUint16(0, true);
  // Extensible: the true tag stands at the beginning of the sub-format.
  const code = tag === EXTENSIBLE && view.byteLength >= 26 ? view.getUint16(24, true) : tag;
  const channels = view.getUint16(2, true);
  const sampleRateHz = view.getUint32(4, true);
  const bits = view.getUint16(14, true);
  const isKnown = (code === PCM && [8, 16, 24, 32].includes(bits)) || (code === FLOAT && [32, 64].includes(bits));
  if (!isKnown) throw new DatasetRefusal("wav_encoding", "WAV files may hold 8, 16, 24 or 32-bit PCM or 32 or 64-bit float. Export the compressed ones again as PCM.");
  if (channels === 0 || channels > MOST_CHANNELS || sampleRateHz === 0) throw unreadable("no channels or no rate");
  return { sampleRateHz, channels, encoding: code === PCM ? "integer" : "float", bytesPerSample: bits / 8 };
}

/** The samples, channels averaged; at most `limit` frames, so that what is cut off anyway is not read. */
export function wavSamples(bytes: Uint8Array, facts: WavFacts, limit = facts.frames): Float32Array {
  const { channels, bytesPerSample, dataOffset } = facts;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = sampleReader(facts, view);
  const samples = new Float32Array(Math.min(limit, facts.frames));
  for (let frame = 0; frame < samples.length; frame += 1) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel += 1) sum += read(dataOffset + (frame * channels + channel) * bytesPerSample);
    samples[frame] = sum / channels;
  }
  return samples;
}

function sampleReader({ encoding, bytesPerSample }: WavFacts, view: DataView): (at: number) => number {
  if (encoding === "float") return bytesPerSample === 4 ? (at) => view.getFloat32(at, true) : (at) => view.getFloat64(at, true);
  if (bytesPerSample === 1) return (at) => (view.getUint8(at) - 128) / 128;
  if (bytesPerSample === 2) return (at) => view.getInt16(at, true) / 32_768;
  if (bytesPerSample === 3) return (at) => ((view.getUint8(at) | (view.getInt16(at + 1, true) << 8)) / 8_388_608);
  return (at) => view.getInt32(at, true) / 2_147_483_648;
}
