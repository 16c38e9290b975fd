import { connect, type Db } from "@flotilla/db";
import { pino } from "pino";
import type { WebEnv } from "../env.ts";
import { createAuth } from "./auth.ts";
import { ChangeHub } from "./change-hub.ts";
import type { Platform } from "./platform.ts";
import { SignInLimiter } from "./sign-in-limiter.ts";
import { WebMetrics } from "./web-metrics.ts";

/** Puts the parts together. Opens nothing: the first query connects, the first listener listens. */
export function compose(env: WebEnv, options: { db?: Db; logLevel?: string } = {}): Platform {
  const db = options.db ?? connect(env.DATABASE_URL, { applicationName: "flotilla web", poolSize: 10 });
  const log = pino({ level: options.logLevel ?? "info", base: { process: "web" } });
  const hub = new ChangeHub(db, log);
  return { db, env, log, auth: createAuth(db, env), hub, signInLimiter: new SignInLimiter(db), metrics: new WebMetrics(() => hub.listenerCount) };
}
