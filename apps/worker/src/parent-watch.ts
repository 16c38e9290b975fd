const LOOK_EVERY_MS = 1_000;

/** Calls `onGone` once when the process with this id is no more, so that a killed launcher leaves no orphan. */
export function watchParent(pid: number | undefined, onGone: () => void): void {
  if (pid === undefined) return;
  const timer = setInterval(() => {
    try {
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
