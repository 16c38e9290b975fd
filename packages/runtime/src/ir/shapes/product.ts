import type { Rule, Rules } from "./node-view.ts";
import type { Dim } from "./value.ts";
import { broadcast, value } from "./value.ts";

// Matrix products.

/** NumPy's matmul: vectors are lifted to matrices and dropped again, leading dimensions are broadcast. */
function matmulShape(a: readonly Dim[] | null, b: readonly Dim[] | null): Dim[] | null {
  if (a === null || b === null || a.length === 0 || b.length === 0) return null;
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  const batch = broadcast([left.slice(0, -2), right.slice(0, -2)]);
  if (batch === null) return null;
  const rows = a.length === 1 ? [] : [left.at(-2) ?? null];
  const columns = b.length === 1 ? [] : [right.at(-1) ?? null];
  return [...batch, ...rows, ...columns];
}

function transposed(shape: readonly Dim[] | null, isTransposed: boolean): readonly Dim[] | null {
  if (shape === null || !isTransposed || shape.length < 2) return shape;
  return [...shape.slice(0, -2), shape.at(-1) ?? null, shape.at(-2) ?? null];
}

const gemm: Rule = (view) => {
  const a = transposed(view.shape(0), view.int("transA", 0) !== 0);
  const b = transposed(view.shape(1), view.int("transB", 0) !== 0);
  return [value(view.type(0), [a?.[0] ?? null, b?.[1] ?? null])];
};

const qgemm: Rule = (view) => {
  const a = transposed(view.shape(0), view.int("transA", 0) !== 0);
  const b = transposed(view.shape(3), view.int("transB", 0) !== 0);
  // Without an output scale the result is float.
  return [value(view.has(7) ? view.type(8) : "float32", [a?.[0] ?? null, b?.[1] ?? null])];
};

const matmulNBits: Rule = (view) => {
  const shape = view.shape(0);
  return [value(view.type(0), shape === null ? null : [...shape.slice(0, -1), view.int("N", 0)])];
};

const fusedMatMul: Rule = (view) => {
  if (view.int("transBatchA", 0) !== 0 || view.int("transBatchB", 0) !== 0) return [value(view.type(0), null)];
  return [value(view.type(0), matmulShape(transposed(view.shape(0), view.int("transA", 0) !== 0), transposed(view.shape(1), view.int("transB", 0) !== 0)))];
};

const SUBSCRIPTS = /^([A-Za-z]*(?:,[A-Za-z]*)*)(?:->([A-Za-z]*))?$/;

/** Letters name dimensions. Equations with an ellipsis are not followed. */
const einsum: Rule = (view) => {
  const match = SUBSCRIPTS.exec(view.string("equation", "").replaceAll(/\s/g, ""));
  if (match === null) return [value(view.type(0), null)];
  const terms = (match[1] ?? "").split(",");
  const sizes = new Map<string, Dim>();
  for (const [index, term] of terms.entries()) {
    for (const [axis, letter] of term.split("").entries()) {
      const known = broadcast([[sizes.get(letter) ?? 1], [view.shape(index)?.[axis] ?? null]]);
      sizes.set(letter, known?.[0] ?? null);
    }
  }
  const letters = terms.join("");
  const implied = [...new Set(letters)].filter((letter) => letters.split(letter).length === 2).sort().join("");
  return [value(view.type(0), (match[2] ?? implied).split("").map((letter) => sizes.get(letter) ?? null))];
};

/**
 * The attention operator of opset 23 on [batch, sequence, width] or [batch, heads, sequence, head width]; of its outputs the
 * first one. The width of the result is that of the values, for as many heads as the queries have.
 */
const attention: Rule = (view) => {
  const q = view.shape(0);
  const v = view.shape(2);
  if (q === null || v === null || q.length !== v.length) return [value(view.type(0), null)];
  if (q.length === 4) return [value(view.type(0), [...q.slice(0, 3), v[3] ?? null])];
  const [heads, valueHeads] = [view.int("q_num_heads", 0), view.int("kv_num_heads", 0)];
  const width = v[2];
  const isKnown = typeof width === "number" && heads > 0 && valueHeads > 0 && q.length === 3;
  return [value(view.type(0), isKnown ? [...q.slice(0, 2), (width / valueHeads) * heads] : null)];
};

export const PRODUCT: Rules = {
  MatMul: (view) => [value(view.type(0), matmulShape(view.shape(0), view.shape(1)))],
  MatMulInteger: (view) => [value("int32", matmulShape(view.shape(0), view.shape(1)))],
  QLinearMatMul: (view) => [value(view.type(7), matmulShape(view.shape(0), view.shape(3)))],
  Gemm: gemm,
  Einsum: einsum,
  Attention: attention,
};

/** com.microsoft */
export const MICROSOFT_PRODUCT: Rules = {
  FusedMatMul: fusedMatMul,
  FusedGemm: gemm,
  QGemm: qgemm,
  MatMulNBits: matmulNBits,
  MatMulIntegerToFloat: (view) => [value(view.type(2), matmulShape(view.shape(0), view.shape(1)))],
  DynamicQuantizeMatMul: (view) => [value(view.type(0), matmulShape(view.shape(0), view.shape(1)))],
};
