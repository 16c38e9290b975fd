import type { Db } from "@flotilla/db";
import type { Logger } from "pino";
import type { WebEnv } from "../env.ts";
import type { Auth } from "./auth.ts";
import type { ChangeHub } from "./change-hub.ts";
import type { SignInLimiter } from "./sign-in-limiter.ts";
import type { WebMetrics } from "./web-metrics.ts";

/** What this process is made of; handed to whatever needs it, so that tests can make another one. */
export type Platform = {
  db: Db;
  env: WebEnv;
  log: Logger;
  auth: Auth;
  hub: ChangeHub;
  signInLimiter: SignInLimiter;
  metrics: WebMetrics;
};
