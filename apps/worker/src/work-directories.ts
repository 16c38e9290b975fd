import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** Younger ones may belong to a job that was claimed a moment ago. */
const SETTLE_MS = 60_000;

/**
 * Removes directories that killed workers left behind: those whose job is not running with the same lease. `isHeld`
 * answers that for the ids and lease tokens' beginnings in their names. Several workers may do this at once.
 */
export async function sweepWorkDirectories(
  workRoot: string,
  isHeld: (held: readonly { jobId: string; tokenStart: string }[]) => Promise<ReadonlySet<string>>,
  nowMs: number = Date.now(),
): Promise<number> {
  await mkdir(workRoot, { recursive: true, mode: 0o700 });
  const found: { name: string; jobId: string; tokenStart: string }[] = [];
  for (const name of await readdir(workRoot)) {
    const parts = /^(job_[0-9a-z]+)-([0-9a-f]{8})$/.exec(name);
    if (parts?.[1] === undefined || parts[2] === undefined) continue;
    const status = await stat(join(workRoot, name)).catch(() => null);
    if (status !== null && nowMs - status.mtimeMs > SETTLE_MS) found.push({ name, jobId: parts[1], tokenStart: parts[2] });
  }
  if (found.length === 0) return 0;
  const held = await isHeld(found);
  const left = found.filter((directory) => !held.has(directory.jobId));
  for (const { name } of left) await rm(join(workRoot, name), { recursive: true, force: true, maxRetries: 3 });
  return left.length;
}
