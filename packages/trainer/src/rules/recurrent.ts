import { recurrentObstacle } from "../prepare/recurrent-obstacle.ts";
import { unsupported, type Rule } from "./rule.ts";

/** Layers that are learnt are written out step by step when the model is prepared; what is left of them has no gradient, for a reason. */
const recurrent: Rule = ({ node, dims }) => {
  throw unsupported(node, recurrentObstacle(node, dims) ?? "no weights that are learnt");
};

export const RECURRENT: Readonly<Record<string, Rule>> = { LSTM: recurrent, GRU: recurrent };
