import type { Pass } from "../pass.ts";
import { withoutAlphaBeta } from "./linear/gemm.ts";
import { rewritePass } from "./rewrite-pass.ts";

export const plainGemm: Pass = rewritePass(
  {
    name: "plain-gemm",
    title: "Factors of Gemm into its constants",
    expectedEffect: "alpha and beta become 1, without which a Gemm never runs in integers",
    exactness: "rounding",
  },
  {
    Gemm(node, view) {
      const gemm = withoutAlphaBeta(node, view);
      if (gemm === null) return null;
      view.replace(node, gemm);
      return "alpha and beta multiplied into the constants";
    },
  },
);
