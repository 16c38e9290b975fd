/** Runs once when the server starts, before the first request. */
export async function register(): Promise<void> {
  // oxlint-disable-next-line node/no-process-env
  if (process.env["NEXT_RUNTIME"] !== "nodejs") return;
  const { startUp } = await import("./server/start-up.ts");
  startUp();
}
