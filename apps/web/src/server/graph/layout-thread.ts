import { createRequire } from "node:module";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

/**
 * The thread's whole program. As text: a bundler that follows `new Worker(new URL(…))` would pack it for a browser. elkjs is a Java
 * program compiled to one script, which runs in the thread that calls it.
 */
const PROGRAM = `
const { parentPort, workerData } = require("node:worker_threads");
const Elk = require(workerData.elk);
const elk = new (Elk.default ?? Elk)();
parentPort.on("message", (graph) => {
  elk.layout(graph).then(
    (placed) => parentPort.postMessage({ graph: placed }),
    (error) => parentPort.postMessage({ failure: String(error) }),
  );
});
`;

/** Takes graphs as messages and answers each with the same graph placed. Does not keep the process alive. */
export function startLayoutThread(): Worker {
  // From the folder the program was started in: what a bundle knows of its own place is not where node_modules lies.
  const elk = createRequire(join(process.cwd(), "package.json")).resolve("elkjs/lib/elk.bundled.js");
  const worker = new Worker(PROGRAM, { eval: true, workerData: { elk } });
  worker.unref();
  return worker;
}
