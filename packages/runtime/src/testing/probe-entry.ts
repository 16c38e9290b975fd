import { probeModel } from "../probe.ts";
import { sandboxMain } from "../sandbox-child.ts";
import type { ProbeOptions, ProbeReport } from "../types.ts";

/** Probes one model in the sandbox. */
sandboxMain<{ readonly path: string; readonly options?: ProbeOptions }, ProbeReport>(
  async ({ path, options }) => await probeModel(path, options),
);
