import type { Handlers } from "../run-job.ts";
import { benchmarkVersion } from "./benchmark.ts";
import { writeBuild } from "./build.ts";
import { importVersion } from "./import.ts";

/** The handler of each kind. A kind without one does not compile. */
export const handlers: Handlers = { import: importVersion, build: writeBuild, benchmark: benchmarkVersion };
