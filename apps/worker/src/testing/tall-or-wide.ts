import { buildModel, floatTensor } from "@flotilla/runtime";

/** A table of two numbers and the class of the larger one: every fourth row is a narrow case. */
export function tallOrWide(rows: number): Uint8Array {
  const lines = Array.from({ length: rows }, (_, row) => {
    const small = row % 10;
    const large = small + (row % 4 === 0 ? 1 : 5);
    return row % 2 === 0 ? `${large}.${row},${small}.${row},tall` : `${small}.${row},${large}.${row},wide`;
  });
  return new TextEncoder().encode(["height,width,shape", ...lines].join("\n"));
}

/** Scores of [tall, wide]: both numbers as they are, with `bias` more for wide. Without bias it is always right. */
export function tallOrWideModel(bias = 0): Uint8Array {
  return buildModel({
    graph: {
      inputs: [{ name: "sides", elementType: "float32", shape: [1, 2] }],
      outputs: [{ name: "scores", elementType: "float32", shape: [1, 2] }],
      initializers: [floatTensor("weights", [2, 2], [1, 0, 0, 1]), floatTensor("bias", [2], [0, bias])],
      nodes: [{ name: "classifier", opType: "Gemm", inputs: ["sides", "weights", "bias"], outputs: ["scores"] }],
    },
  });
}

/** The same answers with ballast: steps that do nothing and weights that nobody reads. */
export function ballastModel(): Uint8Array {
  const steps = Array.from({ length: 6 }, (_, at) => ({ name: `idle${at}`, opType: "Identity", inputs: [at === 0 ? "product" : `idle${at - 1}`], outputs: [`idle${at}`] }));
  return buildModel({
    graph: {
      inputs: [{ name: "sides", elementType: "float32", shape: [1, 2] }],
      outputs: [{ name: "scores", elementType: "float32", shape: [1, 2] }],
      initializers: [floatTensor("weights", [2, 2], [1, 0, 0, 1]), floatTensor("bias", [2], [0, 0]), floatTensor("ballast", [4_096], new Array<number>(4_096).fill(0.5))],
      nodes: [
        { name: "product", opType: "MatMul", inputs: ["sides", "weights"], outputs: ["product"] },
        ...steps,
        { name: "unread", opType: "Relu", inputs: ["ballast"], outputs: ["nobody"] },
        { name: "sum", opType: "Add", inputs: ["idle5", "bias"], outputs: ["scores"] },
      ],
    },
  });
}
