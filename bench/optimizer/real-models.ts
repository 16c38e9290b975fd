// Item 1: accuracy, size and speed of int8 on real models; what is said where it does not help.
import { auditFusion, decideVerdict, type ExampleSource, evaluateVariant, measureInterleaved, predictSaturation, quantizeStatic } from "@flotilla/optimizer";
import { openModel } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { hasVnni } from "./cpu.ts";
import { mnist, photographs, prepared, shared } from "./examples.ts";
import { notAtHand, timesFaster, type Row } from "./row.ts";

const DIGIT_MODELS = [
  { file: "mnist-8.onnx", input: "Input3", transform: { scale: 1, shift: 0 } },
  { file: "mnist-cnn-pytorch.onnx", input: "0", transform: { scale: 1 / 255 / 0.3081, shift: 0.1307 / 0.3081 } },
];

export async function digits(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { file, input, transform } of DIGIT_MODELS) {
    const path = shared("models", file);
    const [train, test] = [mnist("train", input, transform), mnist("test", input, transform)];
    if (path === null || train === null || test === null) rows.push(notAtHand("1", `${file}, int8`, "within 0.5 pp"));
    else rows.push(...(await digitRows(file, path, train, test)));
  }
  return rows;
}

async function digitRows(file: string, path: string, train: ExampleSource, test: ExampleSource): Promise<Row[]> {
  const model = await prepared(path);
  const { model: quantised } = await quantizeStatic(model, { count: 100, read: (index) => train.read(index) });
  const [before, after] = [writeOnnx(model), writeOnnx(quantised)];
  const [parent, variant] = [await openModel(before), await openModel(after)];
  const { accuracy, agreement } = await evaluateVariant({ parent, variant, examples: test });
  const { parentMs, variantMs, ratio } = await measureInterleaved(parent, variant, (await test.read(0)).feeds);
  await parent.close();
  await variant.close();
  if (accuracy === null) throw new Error(`${file} gave no classes`);
  const { difference } = accuracy;
  const verdict = decideVerdict(
    {
      technique: "int8", latencyRatio: ratio, accuracy: difference, agreement: agreement.topClass?.share ?? null,
      parent: { sizeBytes: before.length, latencyMsP50: parentMs.p50, latencyMsP95: parentMs.p95 },
      variant: { sizeBytes: after.length, latencyMsP50: variantMs.p50, latencyMsP95: variantMs.p95 },
    },
    { wanted: "speed" },
  );
  return [
    { item: "1", what: `${file}, int8, ${difference.n} digits`, measured: `${difference.differencePp.toFixed(2)} pp (95 %: ${difference.lowPp.toFixed(2)} to ${difference.highPp.toFixed(2)})`, reference: "within 0.5 pp", holds: difference.differencePp >= -0.5 },
    { item: "1", what: `${file}, int8 for speed`, measured: `${verdict.kind}: ${ratio.median.toFixed(2)} x the time`, reference: "no_help", holds: verdict.kind === "no_help" },
  ];
}

export async function squeezeNet(workDir: string): Promise<Row[]> {
  const path = shared("models/squeezenet-fp16.onnx");
  if (path === null) return [notAtHand("1", "SqueezeNet, int8", "size ≤ 0.28, ≥ 2.5 x")];
  const model = await prepared(path);
  const [train, test] = [await photographs(model, "train", 100, workDir), await photographs(model, "test", 200, workDir)];
  if (train === null || test === null) return [notAtHand("1", "SqueezeNet, int8", "size ≤ 0.28, ≥ 2.5 x", "no photographs in ../shared")];
  const { model: quantised } = await quantizeStatic(model, train);
  const [before, after] = [writeOnnx(model), writeOnnx(quantised)];
  const [parent, variant] = [await openModel(before), await openModel(after)];
  const { agreement } = await evaluateVariant({ parent, variant, examples: test });
  const { ratio } = await measureInterleaved(parent, variant, (await test.read(0)).feeds);
  await parent.close();
  await variant.close();
  const convolutions = (await auditFusion(quantised, { workDir })).nodes.filter(({ opType }) => opType === "Conv");
  const fused = convolutions.filter(({ state }) => state === "integer").length;
  const isJudged = hasVnni();
  const saturation = await predictSaturation(quantised, { count: 20, read: (index) => test.read(index) }, { workDir });
  const { topClass, outputs } = agreement;
  return [
    { item: "1", what: "SqueezeNet, size int8 over fp32", measured: (after.length / before.length).toFixed(3), reference: "≤ 0.28", holds: after.length / before.length <= 0.28 },
    { item: "1", what: "SqueezeNet, fp32 time over int8, 1 thread", measured: timesFaster(ratio), reference: isJudged ? "≥ 2.5 x" : "≥ 2.5 x (with VNNI)", holds: isJudged ? 1 / ratio.median >= 2.5 : null },
    { item: "1", what: `SqueezeNet, agreement with fp32, ${agreement.n} photographs`, measured: `top-1 ${topClass === null ? "?" : (100 * topClass.share).toFixed(1)} %, cosine ${outputs[0]?.cosineMean.toFixed(4) ?? "?"}`, reference: "ORT's tool 95.3 % on ImageNet", holds: null },
    { item: "1", what: "SqueezeNet, sums clipped without VNNI, 20 photographs", measured: `${saturation.examplesAffected} of ${saturation.examples} affected, agreement ${(100 * (saturation.withoutVnni.agreement.topClass?.share ?? Number.NaN)).toFixed(1)} %`, reference: "reported", holds: null },
    ...(saturation.identicalHere === null ? [] : [{ item: "4", what: "SqueezeNet, photographs that this CPU without VNNI answers as predicted, bit for bit", measured: `${saturation.identicalHere} of ${saturation.examples}`, reference: "all", holds: saturation.identicalHere === saturation.examples }]),
    { item: "3", what: "SqueezeNet, convolutions on integers", measured: `${fused} of ${convolutions.length}`, reference: "100 %", holds: fused === convolutions.length && fused > 0 },
  ];
}
