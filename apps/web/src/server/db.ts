import "server-only";
import type { Tx } from "@flotilla/db";
import { env } from "../env.ts";
import { compose } from "./compose.ts";
import type { Platform } from "./platform.ts";

// Pages and route handlers are bundled apart, so a module-level variable would exist twice.
const place = globalThis as typeof globalThis & { flotillaWeb?: Platform };

/** The parts of this process, made at the first call. */
export function platform(): Platform {
  return (place.flotillaWeb ??= compose(env()));
}

/** For reads: the domain's functions take it like a transaction; each query may run on its own connection. */
export function reader(): Tx {
  return platform().db.prisma;
}
