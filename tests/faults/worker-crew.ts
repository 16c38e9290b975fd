import type { FaultContext } from "./fault.ts";
import type { Program } from "./programs.ts";

/** One process of a crew, with some workers: as soon as it is dead, the next one starts. */
type Place = { program: Program; workers: readonly string[]; hasBegun: boolean; isFrozen: boolean };

/** A few slim workers on one database that are killed and frozen, and always replaced. */
export type Crew = {
  /** Kills a process whose workers are at work; one entry for each of them. Empty unless another one is at work too. */
  killOne(): { worker: string; at: Date }[];
  /** Stops a process for `ms` as a hanging machine would, then lets it go on. */
  freezeOne(ms: number): Promise<boolean>;
  /** Attempts whose end a worker tried to write after it had lost the lease, and was refused. */
  staleEnds: () => number;
  /** Names of the workers that live. */
  workers: () => readonly string[];
  /** Deaths that nobody here caused: the jobs that kill. */
  otherDeaths: () => number;
  stop(): Promise<void>;
};

export function startCrew(context: FaultContext, options: { databaseUrl: string; processes: number; workersInEach: number; concurrency: number; leaseMs: number; env?: Readonly<Record<string, string>> }): Crew {
  let staleEnds = 0;
  let otherDeaths = 0;
  let isStopped = false;
  const killed = new Set<Program>();
  const places: Place[] = [];
  const env = { DATABASE_URL: options.databaseUrl, ARTIFACT_STORE: `${context.dir}/store`, WORKER_CONCURRENCY: String(options.concurrency), JOB_LEASE_MS: String(options.leaseMs), SLIM_WORKERS: String(options.workersInEach), ...options.env };

  function fill(index: number): void {
    const place: Place = { workers: [], hasBegun: false, isFrozen: false, program: context.programs.start("apps/worker/src/testing/slim-worker-main.ts", {
      env,
      onLine: (line) => {
        if (line.msg === "begun") place.hasBegun = true;
        if (line.msg === "job ended" && line["written"] === false) staleEnds += 1;
      },
    }) };
    const { program } = place;
    places[index] = place;
    void program.ready.then((line) => (place.workers = line["workerIds"] as string[]), () => undefined);
    void program.exited.then(() => {
      if (isStopped) return;
      if (!killed.has(program)) otherDeaths += options.workersInEach;
      fill(index);
    });
  }
  for (let index = 0; index < options.processes; index += 1) fill(index);
  const atWork = (): Place[] => places.filter((place) => place.workers.length > 0 && place.hasBegun && !place.isFrozen && !place.program.isGone() && !killed.has(place.program));

  return {
    killOne() {
      const found = atWork();
      // One goes on working: a crew that is only ever starting would never meet the jobs of the dead.
      const place = found.length < 2 ? undefined : context.random.pick(found);
      if (place === undefined) return [];
      killed.add(place.program);
      const at = new Date();
      place.program.signal("SIGKILL");
      return place.workers.map((worker) => ({ worker, at }));
    },
    async freezeOne(ms) {
      const place = context.random.pick(atWork());
      if (place === undefined) return false;
      place.isFrozen = true;
      place.program.signal("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, ms));
      place.program.signal("SIGCONT");
      // It must live long enough to try and write what it has no right to write any more.
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      place.isFrozen = false;
      return true;
    },
    workers: () => places.flatMap((place) => place.workers),
    staleEnds: () => staleEnds,
    otherDeaths: () => otherDeaths,
    async stop() {
      isStopped = true;
      await Promise.all(places.map((place) => place.program.kill()));
    },
  };
}
