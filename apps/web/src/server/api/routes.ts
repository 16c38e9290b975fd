import { buildRoutes } from "./builds.ts";
import { datasetRoutes } from "./datasets.ts";
import type { Route } from "./define-route.ts";
import { deviceRoutes } from "./devices.ts";
import { fleetRoutes } from "./fleets.ts";
import { jobRoutes } from "./jobs.ts";
import { accessRoutes } from "./access.ts";
import { latencyRoutes } from "./latency.ts";
import { meRoutes } from "./me.ts";
import { graphRoutes } from "./graph.ts";
import { modelRoutes } from "./models.ts";
import { optimizationRoutes } from "./optimizations.ts";
import { overviewRoutes } from "./overview.ts";
import { peopleRoutes } from "./people.ts";
import { platformRoutes } from "./platform-routes.ts";
import { rolloutRoutes } from "./rollouts.ts";
import { runnerRoutes } from "./runners.ts";
import { sessionRoutes } from "./session-routes.ts";
import { simulationRoutes } from "./simulations.ts";
import { trainingRoutes } from "./trainings.ts";
import { uploadRoutes } from "./uploads.ts";

/** Every operation of the API. An area adds its list here and nowhere else. */
export const routes: readonly Route[] = [
  ...platformRoutes,
  ...sessionRoutes,
  ...meRoutes,
  ...overviewRoutes,
  ...uploadRoutes,
  ...modelRoutes,
  ...graphRoutes,
  ...datasetRoutes,
  ...optimizationRoutes,
  ...trainingRoutes,
  ...runnerRoutes,
  ...jobRoutes,
  ...buildRoutes,
  ...deviceRoutes,
  ...fleetRoutes,
  ...rolloutRoutes,
  ...latencyRoutes,
  ...simulationRoutes,
  ...peopleRoutes,
  ...accessRoutes,
];
