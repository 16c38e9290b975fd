import { isConnectionLoss, listen, withSql, withTx, type Db } from "@flotilla/db";
import {
  IngestMemory, REGISTRY_CHANNEL, TARGETS_CHANNEL, announceSyncInterval, applySyncs, areArtifactsOfDevices, devicesChangedSince, enrolDevices, expireUploads, failUpload, finishUpload,
  fleetQueries, notePart, noteReportedClass, placeOfPart, recordChanges, registryEntries, reissueTargets, takeNonces, targetsOf, targetsSince, uploadToCommit, watchedVersions,
} from "@flotilla/fleet";
import type { GatewayPorts } from "./ports.ts";

/** The gateway's view of a database. Syncs are stored through `syncs`, so that no other work makes them wait for a connection. */
export function portsOf(db: Db, syncs: Db = db): GatewayPorts {
  const memory = new IngestMemory();
  return {
    applySyncs: async (items) => {
      try {
        const outcomes = await withSql(syncs, (sql) => applySyncs(sql, items, memory));
        memory.keep();
        return outcomes;
      } catch (error) {
        memory.forget();
        throw error;
      }
    },
    loadDevices: (deviceIds) => withSql(db, async (sql) => ({ entries: await registryEntries(sql, deviceIds), targets: await targetsOf(sql, deviceIds) })),
    watchedVersions: () => withSql(db, watchedVersions),
    devicesChangedSince: (version) => withSql(db, (sql) => devicesChangedSince(sql, version)),
    targetsSince: (changeSeq) => withSql(db, (sql) => targetsSince(sql, changeSeq)),
    reissueTargets: (deviceIds) => withSql(db, (sql) => reissueTargets(sql, deviceIds)),
    fleetQueries: () => withSql(db, fleetQueries),
    onNews: (callback) => listen(db, [REGISTRY_CHANNEL, TARGETS_CHANNEL], callback, callback),
    enrol: (items) => withTx(db, (tx) => enrolDevices(tx, items)),
    areArtifactsOfDevices: (questions) => withSql(db, (sql) => areArtifactsOfDevices(sql, questions)),
    takeNonces: (nonces) => withSql(db, (sql) => takeNonces(sql, nonces)),
    noteReportedClass: (input) => withTx(db, (tx) => noteReportedClass(tx, input)),
    announce: ({ deviceIds, latency }) =>
      withSql(db, async (sql) => {
        await recordChanges(sql, "device", deviceIds);
        if (latency) await recordChanges(sql, "latency", ["*"]);
      }),
    announceSyncInterval: (intervalMs) => withSql(db, (sql) => announceSyncInterval(sql, intervalMs)),
    placeOfPart: (uploadId, n) => withTx(db, (tx) => placeOfPart(tx, uploadId, n)),
    notePart: (uploadId, n, sizeBytes) => withTx(db, (tx) => notePart(tx, uploadId, n, sizeBytes)),
    uploadToCommit: (uploadId) => withTx(db, (tx) => uploadToCommit(tx, uploadId)),
    finishUpload: (uploadId) => withTx(db, (tx) => finishUpload(tx, uploadId)),
    failUpload: (uploadId, reason) => withTx(db, (tx) => failUpload(tx, uploadId, reason)),
    expireUploads: () => withTx(db, (tx) => expireUploads(tx)),
    ping: () => withSql(db, async (sql) => void (await sql.query("select 1"))),
    isDatabaseAway: isConnectionLoss,
  };
}
