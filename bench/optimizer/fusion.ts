// Item 3: the predictor against the graphs that ONNX Runtime dumps. The cells of the matrix are those of the package's own tests.
import { auditFusion, quantizeStatic } from "@flotilla/optimizer";
import { prepared, shared, synthetic } from "./examples.ts";
import { ownTests } from "./own-tests.ts";
import { notAtHand, type Row } from "./row.ts";

const MODELS = ["mnist-8.onnx", "mnist-cnn-pytorch.onnx", "squeezenet-fp16.onnx", "face-rfb-320.onnx", "style-candy.onnx"];

export async function fusion(workDir: string): Promise<Row[]> {
  return [await cells(), ...(await models(workDir))];
}

async function cells(): Promise<Row> {
  const { passed, total } = await ownTests("packages/optimizer/src/fusion/fusion-cells.test.ts");
  return { item: "3", what: "fusion matrix, cells as predicted (each for 4 kinds of activations)", measured: `${passed} of ${total}`, reference: "all", holds: passed === total && total > 0 };
}

async function models(workDir: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const file of MODELS) {
    const path = shared("models", file);
    if (path === null) {
      rows.push(notAtHand("3", `${file}, nodes as predicted`, "all"));
      continue;
    }
    const model = await prepared(path);
    const { model: quantised } = await quantizeStatic(model, await synthetic(model, 1), { calibration: { kind: "min-max" } });
    for (const target of ["x86", "arm"] as const) {
      const { nodes: audit } = await auditFusion(quantised, { workDir, target });
      const right = audit.filter(({ isAsPredicted }) => isAsPredicted).length;
      rows.push({ item: "3", what: `${file}, nodes as predicted, ${target}`, measured: `${right} of ${audit.length}`, reference: "all", holds: right === audit.length });
    }
  }
  return rows;
}
