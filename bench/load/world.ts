import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Db } from "@flotilla/db";
import { migrate, startEmbeddedPostgres } from "@flotilla/db/setup";
import { addBenchBuild, registerDevices } from "./registered-devices.ts";

/** A PostgreSQL of the benchmark's own, with registered devices. */
export type World = { url: string; db: Db; postgresPid: number; /** Gone with the world. */ dir: string; store: string; close(): Promise<void> };

export async function startWorld(devices: number): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), "flotilla-bench-"));
  const server = await startEmbeddedPostgres({ dataDir: join(dataDir, "pg") });
  await migrate(server.url);
  const db = connect(server.url, { applicationName: "flotilla bench" });
  await addBenchBuild(db);
  await registerDevices(db, devices);
  return {
    url: server.url,
    db,
    postgresPid: server.pid,
    dir: dataDir,
    store: join(dataDir, "store"),
    async close() {
      await db.close();
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** `low … high` of some values. */
export function range(values: readonly number[], digits = 0): string {
  return `${Math.min(...values).toFixed(digits)} … ${Math.max(...values).toFixed(digits)}`;
}
