const LOOK_EVERY_MS = 1_000;

/**
 * Calls `onGone` once when the process with this id is no more, so that a killed launcher leaves no orphan. A direct child hears of it
 * from its own parent id: the number of a dead process may soon belong to another one.
 */
export function watchParent(pid: number | undefined, onGone: () => void): void {
  if (pid === undefined) return;
  const isDirectChild = process.ppid === pid;
  const timer = setInterval(() => {
    try {
      if (isDirectChild && process.ppid !== pid) throw new Error("another process is our parent now");
      process.kill(pid, 0);
    } catch (error) {
      // EPERM: it lives, under another user.
      if ((error as NodeJS.ErrnoException).code === "EPERM") return;
      clearInterval(timer);
      onGone();
    }
  }, LOOK_EVERY_MS);
  timer.unref();
}
