import type { DatasetRefusalCode } from "../dataset-refusal.ts";
import type { HostileDataset } from "./hostile-datasets.ts";
import { float32Bytes, greyPng, pngFile, wavFile } from "./sample-files.ts";
import { zipFile } from "./zip-file.ts";

const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1/secret"/></svg>';
const TONE = Array.from({ length: 200 }, (_, at) => Math.sin(at / 5) / 2);

type Case = { readonly name: string; readonly file: string; readonly bytes: Uint8Array; readonly refusal: DatasetRefusalCode; readonly says: string };

/** An image or a sound that no set could do without, so that its defect becomes the refusal of the whole. */
export function hostileMedia(): HostileDataset[] {
  const picture = greyPng(3, 40);
  const images: readonly Case[] = [
    { name: "text called .png", file: "a/1.png", bytes: Buffer.from("this is no picture, whatever its name says"), refusal: "image_format", says: "told by their content" },
    { name: "archive called .png", file: "a/1.png", bytes: zipFile([{ name: "x", bytes: picture }]), refusal: "image_format", says: "told by their content" },
    { name: "SVG that fetches", file: "a/1.svg", bytes: Buffer.from(SVG), refusal: "image_format", says: "Only PNG, JPEG, WebP and GIF" },
    { name: "SVG called .png", file: "a/1.png", bytes: Buffer.from(SVG), refusal: "image_format", says: "told by their content" },
    { name: "TIFF", file: "a/1.tiff", bytes: Buffer.from(`49492a0008000000${"00".repeat(60)}`, "hex"), refusal: "image_format", says: "Convert the others" },
    { name: "3,600 megapixels in a kilobyte", file: "a/1.png", bytes: pngFile(40, 40, 1, new Uint8Array(1_600), { width: 60_000, height: 60_000 }), refusal: "image_too_large", says: "50 megapixels" },
    { name: "JPEG that declares 65,535 × 65,535", file: "a/1.jpg", bytes: Buffer.from(`ffd8ffc0001108ffffffff03011100021101031101${"00".repeat(40)}`, "hex"), refusal: "image_too_large", says: "50 megapixels" },
    { name: "cut in half", file: "a/1.png", bytes: picture.subarray(0, picture.byteLength / 2), refusal: "image_unreadable", says: "whole and undamaged" },
    { name: "no pixels", file: "a/1.png", bytes: pngFile(40, 40, 1, new Uint8Array(1_600), { width: 0 }), refusal: "image_unreadable", says: "whole and undamaged" },
    { name: "fewer rows than declared", file: "a/1.png", bytes: pngFile(40, 40, 1, new Uint8Array(1_600), { height: 4_000 }), refusal: "image_unreadable", says: "whole and undamaged" },
    { name: "damaged pixels", file: "a/1.png", bytes: Buffer.concat([picture.subarray(0, 60), Buffer.alloc(20, 0xff), picture.subarray(80)]), refusal: "image_unreadable", says: "whole and undamaged" },
    { name: "empty file", file: "a/1.png", bytes: new Uint8Array(0), refusal: "image_format", says: "told by their content" },
  ];
  const wav = wavFile(TONE, { bits: 16 });
  const sounds: readonly Case[] = [
    { name: "text called .wav", file: "a/1.wav", bytes: Buffer.from("RIFF is not enough"), refusal: "wav_unreadable", says: "whole WAV files" },
    { name: "cut off sound", file: "a/1.wav", bytes: wav.subarray(0, wav.byteLength - 50), refusal: "wav_unreadable", says: "whole WAV files" },
    { name: "compressed sound", file: "a/1.wav", bytes: wavFile(TONE, { bits: 16, formatCode: 2 }), refusal: "wav_encoding", says: "as PCM" },
    { name: "sound without channels", file: "a/1.wav", bytes: wavFile(TONE, { bits: 16, channels: 0 }), refusal: "wav_unreadable", says: "whole WAV files" },
    { name: "sound without samples", file: "a/1.wav", bytes: wavFile([], { bits: 16 }), refusal: "wav_unreadable", says: "whole WAV files" },
    { name: "float sound with NaN", file: "a/1.wav", bytes: wavFile([0, Number.NaN], { bits: 32, isFloat: true }), refusal: "value_not_finite", says: "NaN or infinity" },
  ];
  return [
    ...[...images, ...sounds].map((one) => ({ name: `media: ${one.name}`, fileName: "data.zip", bytes: zipFile([{ name: one.file, bytes: one.bytes }]), refusal: one.refusal, says: one.says })),
    {
      name: "media: sounds of different rates",
      fileName: "data.zip",
      bytes: zipFile([8_000, 8_000, 16_000].map((rateHz, at) => ({ name: `a/${at}.wav`, bytes: wavFile(TONE, { bits: 16, rateHz }) }))),
      refusal: "wav_rate",
      says: "most have 8000 Hz",
    },
    { name: "media: single image", fileName: "one.png", bytes: picture, refusal: "format_unsupported", says: "Pack a folder per class" },
    { name: "media: single sound", fileName: "one.wav", bytes: wav, refusal: "format_unsupported", says: "Pack a folder per class" },
    { name: "media: numbers that mean nothing", fileName: "x.bin", bytes: float32Bytes([1, 2, 3, 0]), refusal: "format_unknown", says: "none of the known kinds" },
  ];
}
