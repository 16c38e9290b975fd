import type { Handlers } from "../run-job.ts";
import { benchmarkVersion } from "./benchmark.ts";
import { writeBuild } from "./build.ts";
import { evaluateVersion } from "./evaluate.ts";
import { importUploaded } from "./import.ts";
import { optimizeVersion } from "./optimize.ts";
import { trainModel } from "./train.ts";

/** The handler of each kind. A kind without one does not compile. */
export const handlers: Handlers = { import: importUploaded, build: writeBuild, benchmark: benchmarkVersion, evaluate: evaluateVersion, optimize: optimizeVersion, train: trainModel };
