// Calibrates once and prints the most memory this process ever held, in bytes.
import { readFileSync } from "node:fs";
import { type CalibrationMethod, quantizeStatic } from "@flotilla/optimizer";
import { openModel, syntheticFeeds } from "@flotilla/runtime";
import { readOnnx } from "@flotilla/runtime/ir";

const [path = "", name = "", samples = ""] = process.argv.slice(2);
const METHODS: Readonly<Record<string, CalibrationMethod>> = {
  "min-max": { kind: "min-max" }, percentile: { kind: "percentile", percent: 99.99 }, "least-squares": { kind: "least-squares" }, "least-divergence": { kind: "least-divergence" },
};

const bytes = readFileSync(path);
const session = await openModel(bytes, { intraOpThreads: 2 });
const { inputs } = session;
await session.run(syntheticFeeds(inputs, 1));
await session.close();
const method = METHODS[name];
if (method !== undefined) {
  const examples = { count: Number(samples), read: (index: number) => Promise.resolve({ feeds: syntheticFeeds(inputs, index + 1), label: null }) };
  await quantizeStatic(readOnnx(bytes), examples, { calibration: method });
}
// Not ru_maxrss: a child starts with that of its parent.
const peakKiB = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
process.stdout.write(String(Number(peakKiB) * 1024));
