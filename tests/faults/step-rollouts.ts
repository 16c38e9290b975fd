import { withTx, type Db } from "@flotilla/db";
import { getRollout } from "@flotilla/fleet";
import { waitFor, type FaultContext } from "./fault.ts";
import { startGateway, urlOf } from "./gateway-program.ts";
import { holdWrite } from "./held-write.ts";
import type { Program } from "./programs.ts";
import { addBuild, addCrew, checkRollouts, operator, startedRollout, watchRollouts } from "./rollout-world.ts";
import type { StepOutcome, StepPoint } from "./step-point.ts";

const DEVICES = 6;
const REACHED_WITHIN_MS = 120_000;
const COMPLETE_WITHIN_MS = 120_000;
const KEY = 2;

async function crashEvaluatorAt(context: FaultContext, db: Db, databaseUrl: string, write: Parameters<typeof holdWrite>[1]): Promise<StepOutcome> {
  const start = (): Program =>
    context.programs.start("apps/worker/src/main.ts", { env: { DATABASE_URL: databaseUrl, ARTIFACT_STORE: `${context.dir}/store`, ROLLOUT_TICK_MS: "100", LOG_LEVEL: "info" } });
  await watchRollouts(db);
  const server = await urlOf(startGateway(context, databaseUrl));
  const buildId = await addBuild(db, "step");
  const crew = await addCrew(db, server, "step", DEVICES, () => "succeed");
  const stop = new AbortController();
  const living = crew.devices.map((device) => device.run(stop.signal));
  const held = await holdWrite(db, write, KEY);
  const { id } = await startedRollout(db, { buildId, fleetId: crew.fleetId, waves: [{ percent: 50, soakSeconds: 0 }, { percent: 100, soakSeconds: 0 }], policy: { maxInFlight: DEVICES } });
  const evaluator = start();
  const isReached = await held.reached(REACHED_WITHIN_MS);
  await held.crash(evaluator);
  start();
  const view = await waitFor(async () => {
    const now = await withTx(db, (tx) => getRollout(tx, operator, { id }));
    return now.state === "completed" ? now : null;
  }, COMPLETE_WITHIN_MS, 50);
  stop.abort();
  await Promise.all(living);
  const found = await checkRollouts(db, DEVICES);
  return {
    isReached,
    lost: crew.devices.filter((device) => device.runningBuildId !== buildId).length,
    duplicate: found.repeatedTargets,
    torn: found.earlyOffers + found.overLimit + found.withoutDeadline + (view !== null && view.counts.succeeded === DEVICES && view.counts.total === DEVICES ? 0 : 1),
    stuck: view === null ? 1 : 0,
  };
}

export const offeredWithoutTarget: StepPoint = {
  name: "evaluator: a device is offered the build, its target is not written",
  crash: (context, db, url) => crashEvaluatorAt(context, db, url, { table: "device_target", event: "insert", condition: "new.deployment_id is not null" }),
};

export const waveUnwritten: StepPoint = {
  name: "evaluator: a wave is opened, the event that says so is not written",
  crash: (context, db, url) => crashEvaluatorAt(context, db, url, { table: "rollout_event", event: "insert", condition: "new.kind = 'wave.opened'" }),
};
