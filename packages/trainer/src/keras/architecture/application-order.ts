import { KerasRefusal, quoted } from "../keras-refusal.ts";
import { portKey, type Application, type Port } from "./architecture.ts";

/**
 * The applications that the outputs need, in an order in which each finds its inputs made. Depth-first with a stack of its own: a long
 * chain must not overflow the machine's. Throws KerasRefusal for cycles and for values that nothing makes.
 */
export function applicationOrder(applications: readonly Application[], inputs: readonly Port[], outputs: readonly Port[]): Application[] {
  const byPort = new Map(applications.map((application) => [portKey({ layer: application.layer.name, node: application.node }), application]));
  const done = new Set(inputs.map(portKey));
  const open = new Set<string>();
  const order: Application[] = [];
  for (const output of outputs) {
    const stack = [portKey(output)];
    for (let key = stack.at(-1); key !== undefined; key = stack.at(-1)) {
      const application = byPort.get(key);
      if (done.has(key)) {
        stack.pop();
        continue;
      }
      if (application === undefined) throw new KerasRefusal("keras_graph_invalid", `nothing in the model makes ${quoted(key.slice(key.indexOf(" ") + 1))}, which it uses`);
      const missing = application.inputs.map(portKey).filter((input) => !done.has(input));
      if (missing.length === 0) {
        order.push(application);
        done.add(key);
        stack.pop();
      } else {
        open.add(key);
        if (missing.some((input) => open.has(input))) throw new KerasRefusal("keras_graph_cyclic", `layer ${quoted(application.layer.name)} takes its own output as its input`);
        stack.push(...missing);
      }
    }
  }
  return order;
}
