import { floats } from "@flotilla/runtime/ir";
import type { Network } from "./network.ts";
import { TemplateRefusal } from "./template-refusal.ts";

/** A frame of 32 ms every 16 ms at 16 kHz, and 40 bands between 20 Hz and half of the rate. */
const FRAME = 512;
const HOP = 256;
const BANDS = 40;
const RATE_HZ = 16_000;
const LOWEST_HZ = 20;
/** Below it silence would be minus infinity. */
const LEAST_ENERGY = 1e-6;

/**
 * Samples → log of the energy in mel bands, [1, 1, bands, frames], from standard operators: frames by Gather, a Hann window and the discrete Fourier transform as one product with fixed
 * matrices, triangular bands (O'Shaughnessy 1987: mel = 2595·log₁₀(1 + f/700)) as another.
 */
export function logMel(network: Network): Network {
  const { builder } = network;
  const [, samples = 0] = network.dims;
  const frames = Math.floor((samples - FRAME) / HOP) + 1;
  if (frames < 4) throw new TemplateRefusal(`${samples} samples are too few for a spectrogram; at 16 kHz a tenth of a second is the least`);
  const bins = FRAME / 2 + 1;
  const places = builder.int64s(Array.from({ length: frames * FRAME }, (_, i) => Math.floor(i / FRAME) * HOP + (i % FRAME)), [frames, FRAME]);
  network.apply("Gather", [places], [1, frames, FRAME], { axis: { int: 1 } });
  network.apply("MatMul", [builder.initializer(floats("fixed/fourier", [FRAME, 2 * bins], fourierMatrix(bins)))], [1, frames, 2 * bins]);
  network.apply("Mul", [network.value], [1, frames, 2 * bins]);
  network.apply("MatMul", [builder.initializer(floats("fixed/mel", [2 * bins, BANDS], melMatrix(bins)))], [1, frames, BANDS]);
  network.apply("Add", [builder.scalar(LEAST_ENERGY)], [1, frames, BANDS]).apply("Log", [], [1, frames, BANDS]);
  network.apply("Transpose", [], [1, BANDS, frames], { perm: { ints: [0, 2, 1] } });
  return network.apply("Unsqueeze", [builder.int64s([1])], [1, 1, BANDS, frames]);
}

/** Columns: cosine and sine of each frequency under a Hann window. */
function fourierMatrix(bins: number): Float32Array {
  const matrix = new Float32Array(FRAME * 2 * bins);
  for (let n = 0; n < FRAME; n += 1) {
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / FRAME);
    for (let k = 0; k < bins; k += 1) {
      const angle = (2 * Math.PI * ((k * n) % FRAME)) / FRAME;
      matrix[n * 2 * bins + k] = window * Math.cos(angle);
      matrix[n * 2 * bins + bins + k] = -window * Math.sin(angle);
    }
  }
  return matrix;
}

/** Rows: squares of the cosine and of the sine part, each with the same weight in a band. */
function melMatrix(bins: number): Float32Array {
  const mel = (hz: number): number => 2595 * Math.log10(1 + hz / 700);
  const [low, high] = [mel(LOWEST_HZ), mel(RATE_HZ / 2)];
  const edges = Array.from({ length: BANDS + 2 }, (_, i) => low + ((high - low) * i) / (BANDS + 1));
  const matrix = new Float32Array(2 * bins * BANDS);
  for (let k = 0; k < bins; k += 1) {
    const at = mel((k * RATE_HZ) / FRAME);
    for (let band = 0; band < BANDS; band += 1) {
      const [left = 0, middle = 0, right = 0] = edges.slice(band, band + 3);
      const weight = Math.max(0, Math.min((at - left) / (middle - left), (right - at) / (right - middle)));
      matrix[k * BANDS + band] = weight;
      matrix[(bins + k) * BANDS + band] = weight;
    }
  }
  return matrix;
}
