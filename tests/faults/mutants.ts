/** A test that must fail on a mutant: one of vitest by file and title, or faults of `npm run test:faults`. */
export type CatchingTest = { readonly kind: "vitest"; readonly file: string; readonly title: string } | { readonly kind: "faults"; readonly only: string; readonly scale: number };

/** A known-bad variant of the product: what it does wrong, the text that becomes wrong, and the test that must notice. */
export type Mutant = { readonly name: string; readonly edits: readonly { file: string; find: string; replace: string }[]; readonly caughtBy: CatchingTest };

const agent = "apps/device-sim/src/agent";
const jobs = "packages/fleet/src/jobs/worker-store";
const powerCut: CatchingTest = {
  kind: "vitest", file: `${agent}/power-cut.test.ts`,
  title: "after a power cut at any moment the device starts with a verified model, keeps its identity and its windows, and reaches its target",
};

/** Each is a mistake that somebody has made somewhere. */
export const mutants: readonly Mutant[] = [
  {
    name: "plain overwrite: files are written in place",
    edits: [{
      file: `${agent}/disk.ts`,
      find: "      await steps.writeFile(temporary, asBytes(bytes), mode);\n      await steps.syncFile(temporary);\n      await steps.rename(temporary, path);\n      await steps.syncDirectory(dirname(path));",
      replace: "      await steps.writeFile(path, asBytes(bytes), mode);\n      await steps.syncFile(path);\n      void temporary;",
    }],
    caughtBy: powerCut,
  },
  {
    name: "no directory fsync after a rename",
    edits: [
      { file: `${agent}/disk.ts`, find: "      await steps.rename(temporary, path);\n      await steps.syncDirectory(dirname(path));", replace: "      await steps.rename(temporary, path);" },
      { file: `${agent}/disk.ts`, find: "      await steps.rename(at(from), at(to));\n      await steps.syncDirectory(dirname(at(to)));", replace: "      await steps.rename(at(from), at(to));" },
    ],
    caughtBy: powerCut,
  },
  {
    name: "ack before commit: syncs are answered while they are being stored",
    edits: [{
      file: "apps/gateway/src/sync-writer.ts",
      find: "      outcomes = await this.#ports.applySyncs(batch.map(({ item }) => item));",
      replace: `      void this.#ports.applySyncs(batch.map(({ item }) => item)).catch(() => undefined);
      outcomes = batch.map(({ item: { deviceId, request: { telemetry } } }) => ({ deviceId, ack: telemetry ? { epoch: telemetry.epoch, seq: telemetry.last } : null, ledger: "stored" as const }));`,
    }],
    caughtBy: { kind: "faults", only: "postgres", scale: 0.2 },
  },
  {
    name: "no watermark lock: two gateways may take one batch",
    edits: [
      { file: "packages/fleet/src/telemetry/watermark-store.ts", find: " and w.seq = m.before", replace: "" },
      { file: "packages/fleet/src/telemetry/watermark-store.ts", find: " for update of w`", replace: "`" },
    ],
    caughtBy: { kind: "vitest", file: "packages/fleet/src/telemetry/apply-syncs.db.test.ts", title: "gateways that write the same devices and the same minutes at once lose and double nothing" },
  },
  {
    name: "lease without fencing: a worker taken for dead still ends its job",
    edits: [{ file: `${jobs}.ts`, find: ' || job.leaseToken !== leaseToken) return { kind: "lost" };', replace: ') return { kind: "lost" };' }],
    caughtBy: { kind: "vitest", file: `${jobs}.db.test.ts`, title: "a worker whose lease was taken over writes nothing at all" },
  },
  {
    name: "attempt counted after the work: a job kills workers for ever",
    edits: [{ file: `${jobs}.ts`, find: "    attempt: job.attempt + 1,", replace: "    attempt: job.attempt," }],
    caughtBy: { kind: "vitest", file: `${jobs}.db.test.ts`, title: "jobs of dead workers go back to the queue twice, and then into quarantine" },
  },
  {
    name: "digest checked on the stream only: bytes gone bad on the disk are loaded",
    edits: [{ file: `${agent}/slots.ts`, find: "    if (found.sha256 !== sha256) return", replace: "    if (found.sha256.length !== sha256.length) return" }],
    caughtBy: { kind: "vitest", file: `${agent}/install.test.ts`, title: "model bytes that went bad on the disk are not loaded but fetched again" },
  },
  {
    name: "jitter only at the start: every next sync after exactly the interval",
    edits: [{ file: "apps/gateway/src/sync-answer.ts", find: "(0.5 + facts.random)", replace: "(0.5 + facts.random * 0 + 0.5)" }],
    caughtBy: { kind: "vitest", file: "apps/gateway/src/sync-answer.test.ts", title: "the interval is drawn from 0.5 to 1.5 times the set one" },
  },
  {
    name: "the in-flight limit is per offer: devices on their way are not counted",
    edits: [{ file: "packages/fleet/src/rollouts/offers-store.ts", find: "Math.max(0, maxInFlight - inFlight)", replace: "maxInFlight + 0 * inFlight" }],
    caughtBy: { kind: "vitest", file: "packages/fleet/src/rollouts/safety.db.test.ts", title: "never more devices than the limit are on their way; devices that go away do not keep a place" },
  },
  {
    name: "the reaper forgets the queue: a dead worker's job waits for ever",
    edits: [{ file: `${jobs}.ts`, find: "      await enqueueJob(tx, { id: after.id, kind: after.kind, isAgain: true });\n", replace: "" }],
    caughtBy: { kind: "vitest", file: `${jobs}.db.test.ts`, title: "a dead worker's job is handed to the queue again, before those that were never tried" },
  },
  {
    name: "a step of the evaluator does not look whether the rollout is still what was planned for",
    edits: [{ file: "packages/fleet/src/rollouts/evaluate.ts", find: "row !== undefined && row.version === planned.version && row.state === planned.state", replace: "row !== undefined" }],
    caughtBy: { kind: "vitest", file: "packages/fleet/src/rollouts/evaluate-crash.db.test.ts", title: "an offer that was planned before a pause committed is not made after it" },
  },
  {
    name: "half-open connections to the database are waited for",
    edits: [{ file: "packages/db/src/connect.ts", find: 'if (silenceMs !== undefined) pool.on("connect"', replace: 'if (silenceMs === 0) pool.on("connect"' }],
    caughtBy: { kind: "vitest", file: "packages/db/src/silence.db.test.ts", title: "statements on connections that fell silent end as lost connections, and the pool works again once the network does" },
  },
  {
    name: "a new folder's entry in the folders above is not synced",
    edits: [{ file: `${agent}/disk.ts`, find: "        await steps.syncDirectory(at(above));\n", replace: "" }],
    caughtBy: { kind: "vitest", file: `${agent}/disk-layer.test.ts`, title: "a folder that was made, and what was synced in it, is there after any power cut" },
  },
  {
    name: "the switch to a new model need not be durable",
    edits: [{ file: `${agent}/installer.ts`, find: '["slot_opened_for_writing", "probe_passed"]', replace: '["slot_opened_for_writing"]' }],
    caughtBy: { kind: "vitest", file: `${agent}/disk-errors.test.ts`, title: "a switch that the disk does not take is not made: the device keeps the model it has and says why" },
  },
  {
    name: "windows that cannot be read are skipped and not declared dropped",
    edits: [{ file: `${agent}/ledger-batch.ts`, find: "      dropped.push([last + 1, window.seq - 1]);\n", replace: "" }],
    caughtBy: { kind: "vitest", file: `${agent}/ledger.test.ts`, title: "a damaged line in the middle of the queue is declared dropped, the windows around it arrive" },
  },
];
