import { join } from "node:path";
import type { Fault, FaultRow } from "./fault.ts";
import { createPrograms } from "./programs.ts";
import { enrolmentUnanswered, syncUnanswered } from "./step-gateway.ts";
import { endedUntold, effectWithoutEnd, reapedUntold } from "./step-jobs.ts";
import type { StepPoint } from "./step-point.ts";
import { offeredWithoutTarget, waveUnwritten } from "./step-rollouts.ts";

const POINTS: readonly StepPoint[] = [effectWithoutEnd, endedUntold, reapedUntold, offeredWithoutTarget, waveUnwritten, enrolmentUnanswered, syncUnanswered];

/** kill -9 exactly between two writes of an action of several steps: the database holds the second write, or the answer to the first, until the kill. */
export const stepFault: Fault = {
  name: "step",
  async run(context) {
    const rounds = Math.max(1, Math.round(context.scale));
    const total = { reached: 0, lost: 0, duplicate: 0, torn: 0, stuck: 0 };
    const crashAt = async (point: StepPoint, name: string): Promise<void> => {
      const { db, url } = await context.server.fresh(name);
      const programs = createPrograms();
      const crashed = await Promise.allSettled([point.crash({ ...context, programs, dir: join(context.dir, name) }, db, url)]);
      await programs.killAll();
      if (crashed[0].status === "rejected") throw crashed[0].reason;
      const { isReached, ...left } = crashed[0].value;
      await db.close();
      if (isReached) total.reached += 1;
      if (!isReached || Object.values(left).some((n) => n > 0)) context.log(`${point.name}: ${JSON.stringify({ isReached, ...left })}`);
      for (const column of ["lost", "duplicate", "torn", "stuck"] as const) total[column] += left[column];
    };
    // At once: each mostly waits, until a lease or the queue takes somebody for dead.
    for (let round = 0; round < rounds; round += 1) {
      const ends = await Promise.allSettled(POINTS.map((point, index) => crashAt(point, `step_${round}_${index}`)));
      for (const end of ends) if (end.status === "rejected") throw end.reason;
    }
    const row: FaultRow = {
      what: `kill -9 exactly between two writes of one action, at ${POINTS.length} named points`,
      tried: total.reached, atLeast: rounds * POINTS.length, lost: total.lost, duplicate: total.duplicate, torn: total.torn, stuck: total.stuck,
      facts: POINTS.map(({ name }) => name),
    };
    return [row];
  },
};
