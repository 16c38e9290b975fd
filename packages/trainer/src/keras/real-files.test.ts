import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { convertKeras } from "./convert-keras.ts";
import { runConverted } from "./testing/run-converted.ts";

// Models of MLPerf Tiny (github.com/mlcommons/tiny), as Keras 2.4 saved them. The scores were computed by Keras 3.15.1 on TensorFlow 2 from the same files.

const MODELS = join(import.meta.dirname, "../../../../../shared/models");

type Real = { readonly file: string; readonly side: number; readonly highest: number; readonly parameters: number; readonly scores: readonly number[] };

const REAL: readonly Real[] = [
  {
    file: "resnet8-cifar10.h5", side: 32, highest: 255, parameters: 78_666,
    scores: [
      1.968687e-7, 2.503318e-5, 1.429273e-7, 6.548597e-9, 1.56151e-9, 1.125722e-13, 0.008985823, 8.649603e-14, 0.9895117, 0.001477043,
      4.394692e-7, 2.439662e-5, 1.644316e-7, 1.671015e-8, 2.083426e-9, 2.786326e-13, 0.1170079, 3.518428e-12, 0.8800511, 0.00291604,
    ],
  },
  { file: "vww-mobilenet.h5", side: 96, highest: 1, parameters: 221_794, scores: [0.961951, 0.03804904, 0.965892, 0.03410799] },
];

const BATCH = 2;

/** Waves of light over rows, columns and channels. */
function picture(side: number, highest: number): Float32Array {
  return Float32Array.from({ length: BATCH * side * side * 3 }, (_, index) => ((Math.cos(0.21 * index) + 1) * 127.5 * highest) / 255);
}

for (const { file, side, highest, parameters, scores } of REAL) {
  const isMissing = !existsSync(join(MODELS, file));
  test.skipIf(isMissing)(`${file} gives the scores that Keras gives${isMissing ? ` (skipped: ${join(MODELS, file)} is not here)` : ""}`, async () => {
    const bytes = readFileSync(join(MODELS, file));
    const { report } = await convertKeras(bytes, "h5");
    expect(report).toMatchObject({ parameters, normalizesInput: highest === 255, producer: "Keras 2.4.0 (tensorflow)", notes: [] });
    const answers = await runConverted(bytes, "h5", { input_1: { shape: [BATCH, side, side, 3], values: picture(side, highest) } });
    const values = [...(answers.get("dense")?.values ?? [])];
    const worst = Math.max(...scores.map((score, index) => Math.abs(score - (values[index] ?? Number.NaN))));
    process.stdout.write(`${file}: largest difference of a score ${worst.toExponential(1)}\n`);
    expect(worst).toBeLessThan(2e-6);
  });
}
