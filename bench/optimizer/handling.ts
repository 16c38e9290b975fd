// Item 7: models that cannot be quantised in whole.
import { QuantisationRefusal, auditFusion, integerShare, quantizeStatic } from "@flotilla/optimizer";
import { prepared, shared, synthetic } from "./examples.ts";
import { notAtHand, type Row } from "./row.ts";

export async function handling(workDir: string): Promise<Row[]> {
  return Promise.all(["style-candy.onnx", "tree-ensemble-rf.onnx"].map((file) => said(file, workDir)));
}

async function said(file: string, workDir: string): Promise<Row> {
  const reference = file.startsWith("tree") ? "refused, with the reason" : "in part, with reasons";
  const path = shared("models", file);
  if (path === null) return notAtHand("7", file, reference);
  const model = await prepared(path);
  try {
    const { model: quantised } = await quantizeStatic(model, await synthetic(model, 1), { calibration: { kind: "min-max" } });
    const { nodes: audit } = await auditFusion(quantised, { workDir });
    const { macs, integerMacs } = integerShare(audit);
    const float = audit.filter(({ state }) => state === "float");
    const hasReasons = float.every(({ reason }) => reason !== null);
    const kinds = [...new Set(float.map(({ opType }) => opType))].join(", ");
    return { item: "7", what: file, measured: `${((100 * integerMacs) / macs).toFixed(0)} % of the work on integers; float: ${kinds}`, reference, holds: !file.startsWith("tree") && hasReasons && float.length > 0 };
  } catch (error) {
    if (!(error instanceof QuantisationRefusal)) throw error;
    return { item: "7", what: file, measured: `refused (${error.code}): ${error.reason}`, reference, holds: file.startsWith("tree") };
  }
}
