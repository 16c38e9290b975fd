import "server-only";
import { createApi } from "./api/app.ts";
import { platform } from "./db.ts";

let api: ReturnType<typeof createApi> | undefined;

/** The operator API of this process. */
export function operatorApi(): ReturnType<typeof createApi> {
  return (api ??= createApi(platform()));
}
