import type { Route } from "./define-route.ts";
import { platformRoutes } from "./platform-routes.ts";

/** Every operation of the API. An area adds its list here and nowhere else. */
export const routes: readonly Route[] = [...platformRoutes];
