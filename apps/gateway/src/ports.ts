import type { ArtifactRef, DeviceClass } from "@flotilla/protocol";
import type { ArtifactQuestion, DeviceTargetEntry, EnrolmentItem, EnrolmentOutcome, PartPlace, RegistryEntry, SyncItem, SyncOutcome, UsedNonce } from "@flotilla/fleet";

/** Everything the gateway asks of the database, each a transaction of its own. `composition.ts` makes it real. */
export type GatewayPorts = {
  /** The one write of the hot path. */
  applySyncs(items: readonly SyncItem[]): Promise<SyncOutcome[]>;
  loadDevices(deviceIds: readonly string[]): Promise<{ entries: RegistryEntry[]; targets: DeviceTargetEntry[] }>;
  watchedVersions(): Promise<{ registry: number; target: number }>;
  devicesChangedSince(version: number): Promise<{ deviceIds: string[]; version: number }>;
  targetsSince(changeSeq: number): Promise<{ entries: DeviceTargetEntry[]; changeSeq: number }>;
  /** Gives the targets of those of these devices that are ahead of the platform a higher version; answers the devices. */
  reissueTargets(deviceIds: readonly string[]): Promise<string[]>;
  fleetQueries(): Promise<{ fleetId: string; query: string }[]>;
  /** Calls back when the database says that devices or targets changed, or when such news may have been missed. */
  onNews(callback: () => void): Promise<{ close(): Promise<void> }>;
  /** Lets devices in whose proof was checked; answers an outcome for each. */
  enrol(items: readonly EnrolmentItem[]): Promise<EnrolmentOutcome[]>;
  /** Whether each artifact belongs to a build that its device should run or was offered. */
  areArtifactsOfDevices(questions: readonly ArtifactQuestion[]): Promise<boolean[]>;
  /** Notes nonces as used; answers those that nobody had used before. */
  takeNonces(nonces: readonly UsedNonce[]): Promise<string[]>;
  noteReportedClass(input: { deviceId: string; class: DeviceClass }): Promise<void>;
  /** Tells pages that these devices, and latency, changed. */
  announce(changes: { deviceIds: readonly string[]; latency: boolean }): Promise<void>;
  announceSyncInterval(intervalMs: number): Promise<void>;
  placeOfPart(uploadId: string, n: number): Promise<PartPlace>;
  notePart(uploadId: string, n: number, sizeBytes: number): Promise<void>;
  uploadToCommit(uploadId: string): Promise<{ kind: "commit"; expected: ArtifactRef } | { kind: "complete" }>;
  finishUpload(uploadId: string): Promise<void>;
  failUpload(uploadId: string, reason: string): Promise<void>;
  expireUploads(): Promise<string[]>;
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
  /** Whether an error means that the database is away rather than that a statement was wrong. */
  isDatabaseAway(error: unknown): boolean;
};
