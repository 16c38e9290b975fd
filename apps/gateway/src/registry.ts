import type { Logger } from "pino";
import type { Target } from "@flotilla/protocol";
import { matchesSelector, parseSelector, type RegistryEntry, type Selector } from "@flotilla/fleet";
import { unavailableWhenAway } from "./database-away.ts";
import type { GatewayPorts } from "./ports.ts";

// What this gateway knows of devices, so that a sync needs no database read. Devices come in when they are first seen,
// many per read. They are read again when a version counter of the database moves: told by NOTIFY, and asked each
// second in case a notification was missed; so a revocation bites within 2 s also while notifications fail.
// Invariant: an entry is never older than the newest versions this gateway has handled. A device that changes while it is being loaded
// is loaded again before it is used.

/** A device in memory. Routes may change the fields that are not read-only. */
export type KnownDevice = {
  readonly deviceId: string;
  readonly entry: RegistryEntry;
  readonly target: Target | null;
  readonly fleetIds: readonly string[];
  /** A deployment under way, by the database or by what the device said since. */
  openDeploymentId: string | null;
  /** What it reported last, to see whether pages must hear of it. */
  lastReport: string;
  lastSeenMs: number;
  /** What this gateway wrote into its row of last states, and when. */
  storedLive: string;
  storedLiveAtMs: number;
  classNotedAtMs: number;
};

const POLL_MS = 1_000;
const MAX_DEVICES_PER_READ = 1_000;
/** About 2 KiB each. Beyond it the ones that were loaded first are forgotten, and loaded again when they come. */
const MAX_KNOWN = 200_000;

type Loading = { promise: Promise<KnownDevice | null>; hasChanged: boolean };

export class Registry {
  readonly #ports: GatewayPorts;
  readonly #log: Logger;
  readonly #known = new Map<string, KnownDevice>();
  readonly #loading = new Map<string, Loading>();
  #waiting: { deviceId: string; resolve: (device: KnownDevice | null) => void; reject: (error: unknown) => void }[] = [];
  #fleets: { fleetId: string; selector: Selector }[] = [];
  #fleetsText = "";
  readonly #fleetLists = new Map<string, readonly string[]>();
  #versions = { registry: 0, target: 0 };
  #news: { close(): Promise<void> } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> | undefined;
  #mustRefreshAgain = false;
  #isStopped = false;

  constructor(ports: GatewayPorts, log: Logger) {
    this.#ports = ports;
    this.#log = log;
  }

  /** Begins to watch; rejects when the database is away. */
  async start(): Promise<void> {
    this.#versions = await this.#ports.watchedVersions();
    await this.#refreshFleets();
    this.#news = await this.#ports.onNews(() => void this.refresh());
    this.#timer = setInterval(() => void this.refresh(), POLL_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#news?.close();
    await this.#refreshing;
  }

  /** Whether it watches the database: before that, nothing it knows could be trusted. */
  get isLoaded(): boolean {
    return this.#news !== undefined && !this.#isStopped;
  }

  get size(): number {
    return this.#known.size;
  }

  /** The device in memory, without any waiting; undefined when it must be loaded. */
  peek(deviceId: string): KnownDevice | undefined {
    return this.#known.get(deviceId);
  }

  /** The device, loaded if need be; null when there is none with this id. */
  get(deviceId: string): Promise<KnownDevice | null> {
    const known = this.#known.get(deviceId);
    if (known) return Promise.resolve(known);
    const loading = this.#loading.get(deviceId);
    if (loading) return loading.promise;
    const begun: Loading = { hasChanged: false, promise: this.#load(deviceId) };
    this.#loading.set(deviceId, begun);
    return begun.promise;
  }

  /** Reads what changed since the last time; calls that come meanwhile are answered by one more read. */
  refresh(): Promise<void> {
    if (this.#refreshing) {
      this.#mustRefreshAgain = true;
      return this.#refreshing;
    }
    this.#refreshing = this.#refreshUntilQuiet().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refreshUntilQuiet(): Promise<void> {
    do {
      this.#mustRefreshAgain = false;
      try {
        await this.#refreshOnce();
      } catch (error) {
        if (!this.#isStopped) this.#log.warn({ err: error }, "the registry could not be read; going on with what is known");
      }
    } while (this.#mustRefreshAgain && !this.#isStopped);
  }

  async #refreshOnce(): Promise<void> {
    const now = await this.#ports.watchedVersions();
    await this.#refreshFleets();
    const changed = new Set<string>();
    const wentBack = now.registry < this.#versions.registry || now.target < this.#versions.target;
    if (wentBack) {
      this.#log.warn({ before: this.#versions, now }, "the database is older than what was read from it: it was restored; reading everything again");
      for (const deviceId of [...this.#known.keys(), ...this.#loading.keys()]) changed.add(deviceId);
    } else if (now.registry > this.#versions.registry) {
      const { deviceIds } = await this.#ports.devicesChangedSince(this.#versions.registry);
      for (const deviceId of deviceIds) changed.add(deviceId);
    }
    if (!wentBack && now.target > this.#versions.target) {
      const { entries } = await this.#ports.targetsSince(this.#versions.target);
      for (const { deviceId } of entries) changed.add(deviceId);
    }
    await this.#reload([...changed]);
    this.#versions = now;
  }

  async #reload(deviceIds: readonly string[]): Promise<void> {
    for (const deviceId of deviceIds) {
      const loading = this.#loading.get(deviceId);
      if (loading) loading.hasChanged = true;
    }
    const known = deviceIds.filter((deviceId) => this.#known.has(deviceId));
    for (let i = 0; i < known.length; i += MAX_DEVICES_PER_READ) await this.#read(known.slice(i, i + MAX_DEVICES_PER_READ));
  }

  /** Few fleets, so their queries are simply read and compared. */
  async #refreshFleets(): Promise<void> {
    const queries = await this.#ports.fleetQueries();
    const text = JSON.stringify(queries);
    if (text === this.#fleetsText) return;
    this.#fleets = queries.flatMap(({ fleetId, query }) => {
      try {
        return [{ fleetId, selector: parseSelector(query) }];
      } catch (error) {
        this.#log.error({ err: error, fleetId }, "a fleet's query cannot be read; its latency is not kept");
        return [];
      }
    });
    this.#fleetsText = text;
    this.#fleetLists.clear();
    for (const [deviceId, device] of this.#known) this.#known.set(deviceId, { ...device, fleetIds: this.#fleetsOf(device.entry) });
  }

  /** Devices of the same fleets share one list: it costs memory once, and batches find their sums by it. */
  #fleetsOf(entry: RegistryEntry): readonly string[] {
    const fleetIds = this.#fleets.filter(({ selector }) => matchesSelector(selector, entry.labels)).map(({ fleetId }) => fleetId);
    const name = fleetIds.join(" ");
    const list = this.#fleetLists.get(name) ?? fleetIds;
    this.#fleetLists.set(name, list);
    return list;
  }

  /** Waits for the present turn of the event loop to end, so that devices that come together are read together. */
  async #load(deviceId: string): Promise<KnownDevice | null> {
    try {
      for (;;) {
        const device = await new Promise<KnownDevice | null>((resolve, reject) => {
          if (this.#waiting.length === 0) setImmediate(() => void this.#readWaiting());
          this.#waiting.push({ deviceId, resolve, reject });
        });
        const loading = this.#loading.get(deviceId);
        if (!loading?.hasChanged) return device;
        loading.hasChanged = false;
      }
    } finally {
      this.#loading.delete(deviceId);
    }
  }

  async #readWaiting(): Promise<void> {
    const waiting = this.#waiting.splice(0, MAX_DEVICES_PER_READ);
    if (this.#waiting.length > 0) setImmediate(() => void this.#readWaiting());
    try {
      await this.#read(waiting.map(({ deviceId }) => deviceId));
      for (const { deviceId, resolve } of waiting) resolve(this.#known.get(deviceId) ?? null);
    } catch (error) {
      const failure = unavailableWhenAway(this.#ports, error);
      for (const { reject } of waiting) reject(failure);
    }
  }

  async #read(deviceIds: readonly string[]): Promise<void> {
    const { entries, targets } = await this.#ports.loadDevices(deviceIds);
    const found = new Set(entries.map(({ deviceId }) => deviceId));
    for (const deviceId of deviceIds) if (!found.has(deviceId)) this.#known.delete(deviceId);
    const targetOf = new Map(targets.map(({ deviceId, target }) => [deviceId, target]));
    for (const entry of entries) {
      const before = this.#known.get(entry.deviceId);
      this.#known.set(entry.deviceId, {
        deviceId: entry.deviceId,
        entry,
        target: targetOf.get(entry.deviceId) ?? null,
        fleetIds: this.#fleetsOf(entry),
        openDeploymentId: entry.openDeploymentId,
        lastReport: before?.lastReport ?? "",
        lastSeenMs: before?.lastSeenMs ?? 0,
        storedLive: before?.storedLive ?? "",
        storedLiveAtMs: before?.storedLiveAtMs ?? 0,
        classNotedAtMs: before?.classNotedAtMs ?? 0,
      });
    }
    for (const deviceId of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) break;
      this.#known.delete(deviceId);
    }
  }
}
