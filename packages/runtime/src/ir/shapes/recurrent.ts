import type { NodeView, Rule, Rules } from "./node-view.ts";
import { value } from "./value.ts";

/** Y over time, then the last hidden state, then (LSTM) the last cell state. `layout` 1 puts the batch first. */
function recurrent(states: number): Rule {
  return (view: NodeView) => {
    const input = view.shape(0);
    const hidden = view.hasAttribute("hidden_size") ? view.int("hidden_size", 0) : (view.shape(2)?.at(-1) ?? null);
    const directions = view.string("direction", "forward") === "bidirectional" ? 2 : 1;
    const isBatchFirst = view.int("layout", 0) !== 0;
    const [first = null, second = null] = input ?? [];
    const batch = isBatchFirst ? first : second;
    const steps = isBatchFirst ? second : first;
    const all = isBatchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden];
    const last = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
    return [value(view.type(0), all), ...Array.from({ length: states }, () => value(view.type(0), last))];
  };
}

export const RECURRENT: Rules = { LSTM: recurrent(2), GRU: recurrent(1), RNN: recurrent(1) };

/** com.microsoft: weights are transposed there, so only the attribute says the size. */
export const MICROSOFT_RECURRENT: Rules = {
  DynamicQuantizeLSTM: (view) => (view.hasAttribute("hidden_size") ? recurrent(2)(view) : []),
};
