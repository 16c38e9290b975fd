import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { ArtifactStore, EnrolmentItem, EnrolmentOutcome } from "@flotilla/fleet";
import type { ArtifactAccess } from "./artifact-access.ts";
import type { Batches } from "./batches.ts";
import type { ChangeAnnouncer } from "./change-announcer.ts";
import type { DeviceTokens } from "./device-token.ts";
import type { Slots } from "./http/slots.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { Nonces } from "./nonces.ts";
import type { GatewayPorts } from "./ports.ts";
import type { Registry } from "./registry.ts";
import type { SyncIntake } from "./sync-intake.ts";
import type { SyncWriter } from "./sync-writer.ts";
import type { TargetReissue } from "./target-reissue.ts";

/** The parts that routes work with; one per gateway. */
export type Gateway = {
  ports: GatewayPorts;
  store: ArtifactStore;
  registry: Registry;
  writer: SyncWriter;
  intake: SyncIntake;
  announcer: ChangeAnnouncer;
  artifactAccess: ArtifactAccess;
  targetReissue: TargetReissue;
  tokens: DeviceTokens;
  nonces: Nonces;
  enrolments: Batches<EnrolmentItem, EnrolmentOutcome>;
  uploadTicketSecret: string;
  syncIntervalMs: number;
  log: Logger;
  /** Bounds on what runs at once, so that no kind of request can starve another. */
  slots: { enrolments: Slots; parts: Slots; commits: Slots; downloads: Slots };
  metrics: GatewayMetrics;
  metricsToken: string | undefined;
  counters: { syncs: number; refused: number };
};

/** One request. `params` are the variable parts of its path, decoded. */
export type Call = { req: IncomingMessage; res: ServerResponse; params: readonly string[]; query: URLSearchParams; requestId: string };

export type Route = (gateway: Gateway, call: Call) => Promise<void> | void;
