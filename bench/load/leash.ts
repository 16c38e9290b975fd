// Loaded before a benchmark's program: ends it when whoever started it is gone, however that ended. For programs that know nothing of it,
// as the echo server, or of us, as Next.
const LOOK_EVERY_MS = 500;
const parent = process.ppid;

setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, LOOK_EVERY_MS).unref();
