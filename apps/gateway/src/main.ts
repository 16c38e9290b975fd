import { setFlagsFromString } from "node:v8";
import { pino } from "pino";
import { connect, watchProcess } from "@flotilla/db";
import { openArtifactStore } from "@flotilla/fleet";
import { FLOTILLA_VERSION } from "@flotilla/protocol";
import { portsOf } from "./composition.ts";
import { createGateway } from "./create-gateway.ts";
import { readEnv, type Env } from "./env.ts";

/** These serve enrolments, downloads, uploads and loads of unknown devices; thousands of them may wait here. */
const POOL_SIZE = 9;

// Both cost a busy gateway a tenth or more of its CPU time (docs/architecture.md says how that was seen). V8 gives the pages of its young
// generation back to the system after each scavenge and takes them again, cleared, a moment later; discarded pages are as free for the system
// when it needs them. And what lived long while the first devices were loaded is made in the old generation from then on, where it keeps
// alive, dead as it is, all of the request that it points to, until the next full collection.
for (const flag of ["--no-decommit-pooled-pages", "--no-allocation-site-pretenuring"]) setFlagsFromString(flag);

let env: Env;
try {
  env = readEnv();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(2);
}

const log = pino({ base: { process: "gateway" }, level: env.LOG_LEVEL });
const db = connect(env.DATABASE_URL, { applicationName: "flotilla gateway", poolSize: POOL_SIZE, silenceMs: env.DATABASE_SILENCE_MS });
/** One connection that nothing else can take: a wave of downloads must not hold up syncs. */
const syncs = connect(env.DATABASE_URL, { applicationName: "flotilla gateway syncs", poolSize: 1, silenceMs: env.DATABASE_SILENCE_MS });
const gateway = createGateway({
  ports: portsOf(db, syncs),
  store: await openArtifactStore(env),
  log,
  uploadTicketSecret: env.UPLOAD_TICKET_SECRET,
  deviceTokenSecret: env.DEVICE_TOKEN_SECRET,
  syncIntervalMs: env.SYNC_INTERVAL_MS,
  metricsToken: env.METRICS_TOKEN,
  countsProcess: true,
});

let isStopping = false;
async function stop(reason: string): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  log.info({ reason }, "stopping");
  try {
    await gateway.close();
    await Promise.all([db.close(), syncs.close()]);
    process.exit(0);
  } catch (error) {
    log.error({ err: error }, "could not stop cleanly");
    process.exit(1);
  }
}

process.on("SIGTERM", () => void stop("SIGTERM"));
process.on("SIGINT", () => void stop("SIGINT"));

watchProcess(env.FLOTILLA_PARENT_PID, () => void stop("the launcher is gone"));

try {
  const url = await gateway.listen(env.PORT, env.HOST);
  log.info({ url, version: FLOTILLA_VERSION }, "ready");
} catch (error) {
  log.fatal({ err: error }, "the gateway could not start");
  process.exit(1);
}
