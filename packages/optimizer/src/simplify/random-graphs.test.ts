import { checkModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { INTEGER_PASSES, NORMALISING_PASSES, REPEATED_PASSES } from "./passes.ts";
import { simplify } from "./simplify.ts";
import { randomGraph } from "./testing/random-graph.ts";
import { runPass } from "./testing/run-pass.ts";

const GRAPHS = 25;
const STEPS = 10;

const PASSES = [...new Set([...NORMALISING_PASSES, ...REPEATED_PASSES, ...INTEGER_PASSES])];

for (const pass of PASSES) {
  test(`${pass.name} keeps the outputs of random graphs, and does something to some of them`, { timeout: 120_000 }, async () => {
    let changed = 0;
    for (let seed = 1; seed <= GRAPHS; seed += 1) {
      const { report, model } = await runPass(pass, randomGraph(seed, STEPS), { verifyRuns: 3 });
      if (report === null) continue;
      changed += 1;
      expect({ seed, outcome: report.outcome, reason: report.reason }).toEqual({ seed, outcome: "kept", reason: null });
      expect({ seed, problems: checkModel(model) }).toEqual({ seed, problems: [] });
    }
    if (!RARE.has(pass.name)) expect(changed).toBeGreaterThan(0);
  });
}

/** What the generator never writes. */
const RARE = new Set(["initializers-out-of-inputs", "constants-to-initializers"]);

for (const target of ["float", "integer"] as const) {
  test(`simplified for ${target}, random graphs give the same outputs with nothing rolled back, and stay at rest`, { timeout: 120_000 }, async () => {
    for (let seed = 101; seed <= 100 + GRAPHS; seed += 1) {
      const { model, report } = await simplify(randomGraph(seed, STEPS), { verifyRuns: 3 }, { target });
      expect(report.untouched).toBeNull();
      expect({ seed, rolledBack: report.passes.filter(({ outcome }) => outcome === "rolled back") }).toEqual({ seed, rolledBack: [] });
      expect({ seed, problems: checkModel(model) }).toEqual({ seed, problems: [] });
      expect(report.error).toBeLessThan(1e-4);
      if (target === "float") expect(report.after.nodes).toBeLessThanOrEqual(report.before.nodes + 1);
      const again = await simplify(model, { verifyRuns: 1 }, { target });
      expect({ seed, again: again.report.passes.map(({ pass }) => pass) }).toEqual({ seed, again: [] });
    }
  });
}
