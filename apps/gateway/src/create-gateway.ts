import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Logger } from "pino";
import { FleetError, problemOf } from "@flotilla/protocol";
import type { ArtifactStore } from "@flotilla/fleet";
import { ArtifactAccess } from "./artifact-access.ts";
import { Batches } from "./batches.ts";
import { ChangeAnnouncer } from "./change-announcer.ts";
import type { Gateway } from "./context.ts";
import { deviceTokens } from "./device-token.ts";
import { answerFailure } from "./http/failure.ts";
import { findRoute } from "./http/router.ts";
import { Slots } from "./http/slots.ts";
import { GatewayMetrics } from "./metrics.ts";
import { nonces } from "./nonces.ts";
import type { GatewayPorts } from "./ports.ts";
import { Registry } from "./registry.ts";
import { SyncIntake } from "./sync-intake.ts";
import { SyncWriter } from "./sync-writer.ts";
import { TargetReissue } from "./target-reissue.ts";

export type GatewayOptions = {
  ports: GatewayPorts;
  store: ArtifactStore;
  log: Logger;
  uploadTicketSecret: string;
  deviceTokenSecret: string;
  syncIntervalMs: number;
  /** Opens /metrics. */
  metricsToken?: string | undefined;
  /** Metrics of the process itself too: for a program that is only a gateway. */
  countsProcess?: boolean;
  /** Syncs that may wait; default 5,000. */
  maxQueued?: number;
};

export type RunningGateway = {
  /** Loads what must be known and serves; resolves to the URL. Port 0 takes a free one. */
  listen(port: number, host: string): Promise<string>;
  /** Takes no new connections, finishes what is in hand (at most 5 s), and lets go of everything. */
  close(): Promise<void>;
};

const HEADERS_TIMEOUT_MS = 10_000;
/** A part of 8 MiB over a slow line is the longest request. */
const REQUEST_TIMEOUT_MS = 10 * 60_000;
/** Longer than the longest interval between two syncs of 30 s, so that connections stay. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
/** Found without looking at routes: nearly all requests are syncs. */
const SYNC_PATH = "/device/v1/sync";
const STOP_TIMEOUT_MS = 5_000;
/** All enrolments with one token wait for its row, so many take their uses at once. The lock of each name is one of some thousands that PostgreSQL has room for. */
const ENROLMENT_BATCH = { waitMs: 20, most: 250 };
const EXPIRE_EVERY_MS = 60_000;
const SUMMARY_EVERY_MS = 60_000;
/** Uploads live a day; a staged file that nothing was written to for two is what a crash left. */
const STAGED_FILES_KEPT_MS = 2 * 24 * 3_600_000;

/** A gateway: plain `node:http`, no framework, nothing of React or Prisma on the way of a sync. */
export function createGateway(options: GatewayOptions): RunningGateway {
  const gateway = partsOf(options, () => new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count)))));
  const requestIds = requestIdSource();
  let isStopping = false;
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS, connectionsCheckingInterval: 1_000, noDelay: true },
    (req, res) => {
      // Kept-alive connections must end with the request in hand, or a stop would wait for their time-out.
      if (isStopping) res.setHeader("connection", "close");
      if (req.url === SYNC_PATH && req.method === "POST") gateway.intake.take(req, res, requestIds(req));
      else void handle(gateway, req, res, requestIds(req));
    },
  );
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => refuseRawRequest(error, socket as Socket, requestIds()));
  const timers: NodeJS.Timeout[] = [];
  return {
    async listen(port, host) {
      await gateway.ports.announceSyncInterval(options.syncIntervalMs);
      await gateway.registry.start();
      gateway.intake.start();
      timers.push(setInterval(() => void expire(gateway), EXPIRE_EVERY_MS), setInterval(() => summarise(gateway), SUMMARY_EVERY_MS));
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => resolve());
      });
      const address = server.address() as AddressInfo;
      return `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
    },
    async close() {
      isStopping = true;
      gateway.intake.stop();
      for (const timer of timers) clearInterval(timer);
      await closeServer(server);
      await gateway.writer.flushed();
      await gateway.announcer.stop();
      await gateway.targetReissue.stop();
      await gateway.registry.stop();
    },
  };
}

function partsOf(options: GatewayOptions, connections: () => Promise<number>): Gateway {
  const { ports, store, log } = options;
  const writer: SyncWriter = new SyncWriter(ports, { ...(options.maxQueued === undefined ? {} : { maxQueued: options.maxQueued }), observe: (batch) => metrics.batchEnded(batch) });
  const registry = new Registry(ports, log);
  const metrics = new GatewayMetrics({ load: () => writer.load, connections, knownDevices: () => registry.size }, options.countsProcess === true);
  const parts: Omit<Gateway, "intake"> = {
    ports,
    store,
    log,
    registry,
    writer,
    metrics,
    metricsToken: options.metricsToken,
    announcer: new ChangeAnnouncer(ports, log),
    artifactAccess: new ArtifactAccess(ports),
    targetReissue: new TargetReissue(ports, log),
    tokens: deviceTokens(options.deviceTokenSecret),
    nonces: nonces(options.deviceTokenSecret, ports),
    enrolments: new Batches(ports, ENROLMENT_BATCH, (items) => ports.enrol(items)),
    uploadTicketSecret: options.uploadTicketSecret,
    syncIntervalMs: options.syncIntervalMs,
    slots: { enrolments: new Slots(512), parts: new Slots(64), commits: new Slots(4), downloads: new Slots(512) },
    counters: { syncs: 0, refused: 0 },
  };
  const gateway = parts as Gateway;
  gateway.intake = new SyncIntake(gateway);
  return gateway;
}

async function handle(gateway: Gateway, req: IncomingMessage, res: ServerResponse, requestId: string): Promise<void> {
  try {
    res.setHeader("x-request-id", requestId);
    const [path = "", search = ""] = (req.url ?? "").split("?", 2);
    const found = findRoute(req.method ?? "", path);
    if (found === null) throw new FleetError("not_found", { public: "The gateway has nothing here." });
    await found.route(gateway, { req, res, params: found.params, query: new URLSearchParams(search), requestId });
  } catch (error) {
    answerFailure(gateway, req, res, error, requestId);
  }
}

/** What the HTTP parser itself refuses: too large headers, smuggling, no HTTP at all, headers that do not come. */
function refuseRawRequest(error: NodeJS.ErrnoException, socket: Socket, requestId: string): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const isSlow = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const failure = isSlow ? new FleetError("request_timeout", { public: "The request took too long." }) : new FleetError("bad_request", { public: "The request is not valid HTTP." });
  const body = JSON.stringify(problemOf(failure, requestId));
  socket.end(`HTTP/1.1 ${isSlow ? "408 Request Timeout" : "400 Bad Request"}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\nx-request-id: ${requestId}\r\n\r\n${body}`);
}

/** The caller's own id when it is a plain one, else a new one that is unique across gateways. */
function requestIdSource(): (req?: IncomingMessage) => string {
  const prefix = randomBytes(6).toString("hex");
  let count = 0;
  return (req) => {
    const given = req?.headers["x-request-id"];
    if (typeof given === "string" && /^[A-Za-z0-9_-]{8,64}$/.test(given)) return given;
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const timer = setTimeout(() => server.closeAllConnections(), STOP_TIMEOUT_MS);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(timer);
}

async function expire(gateway: Gateway): Promise<void> {
  try {
    for (const uploadId of await gateway.ports.expireUploads()) {
      await gateway.store.discard(uploadId);
      gateway.log.info({ uploadId }, "an upload was given up");
    }
    const swept = await gateway.store.sweep(Date.now() - STAGED_FILES_KEPT_MS);
    if (swept > 0) gateway.log.info({ files: swept }, "staged files that belong to no upload were deleted");
  } catch (error) {
    gateway.log.warn({ err: error }, "abandoned uploads could not be looked for");
  }
}

function summarise(gateway: Gateway): void {
  const { syncs, refused } = gateway.counters;
  gateway.counters = { syncs: 0, refused: 0 };
  if (syncs + refused > 0) gateway.log.info({ syncs, refused, knownDevices: gateway.registry.size, seconds: SUMMARY_EVERY_MS / 1000 }, "syncs of the last minute");
}
