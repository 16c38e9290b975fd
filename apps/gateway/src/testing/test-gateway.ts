import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { testDb, withTx, type Db } from "@flotilla/db";
import { createEnrollmentToken, directoryStore, systemPrincipal, type ArtifactStore } from "@flotilla/fleet";
import type { Labels } from "@flotilla/protocol";
import { portsOf } from "../composition.ts";
import { createGateway, type GatewayOptions } from "../create-gateway.ts";
import type { GatewayPorts } from "../ports.ts";
import { TestDevice } from "./test-device.ts";

export const testSecrets = { uploadTicketSecret: "u".repeat(32), deviceTokenSecret: "d".repeat(32) } as const;

/** A gateway on a database and a store of its own. */
export type TestGateway = {
  url: string;
  db: Db;
  databaseUrl: string;
  store: ArtifactStore;
  root: string;
  ports: GatewayPorts;
  enrollmentToken(options?: { maxUses?: number; labels?: Labels; expiresInSeconds?: number }): Promise<string>;
  /** An enrolled device with an access token. */
  device(name: string, labels?: Labels): Promise<TestDevice>;
  /** Makes a build of one file with this digest and wishes for it on the device; the bytes may or may not be in the store. */
  wish(device: TestDevice, sha256: string): Promise<void>;
  stop(): Promise<void>;
};

/** `wrap` may put something between the gateway and the database, e.g. to count. */
export async function startTestGateway(options: { wrap?: (ports: GatewayPorts) => GatewayPorts } & Partial<GatewayOptions> = {}): Promise<TestGateway> {
  const suite = await testDb();
  const root = await mkdtemp(join(tmpdir(), "flotilla-gateway-"));
  const store = directoryStore(root);
  const { wrap = (ports: GatewayPorts) => ports, ...more } = options;
  const ports = wrap(portsOf(suite.db));
  const gateway = createGateway({ ports, store, log: pino({ level: "silent" }), syncIntervalMs: 30_000, ...testSecrets, ...more });
  const url = await gateway.listen(0, "127.0.0.1");
  const enrollmentToken: TestGateway["enrollmentToken"] = async (input = {}) =>
    (await withTx(suite.db, (tx) => createEnrollmentToken(tx, systemPrincipal("test"), { maxUses: 1000, ...input }))).token;
  return {
    url,
    db: suite.db,
    databaseUrl: suite.url,
    store,
    root,
    ports,
    enrollmentToken,
    async device(name, labels = {}) {
      const device = new TestDevice(url, name);
      const enrolled = await device.enroll(await enrollmentToken(), { labels });
      if (enrolled.status !== 200) throw new Error(`could not enrol: ${JSON.stringify(enrolled.body)}`);
      await device.getToken();
      return device;
    },
    async wish({ deviceId }, sha256) {
      const id = `bld_${randomUUID()}`;
      const manifest = { variants: [{ files: [{ sha256 }], golden: { sha256: "9".repeat(64) } }] };
      await suite.db.prisma.build.create({ data: { id, name: id, state: "ready", settings: {}, manifest, manifestSha256: createHash("sha256").update(id).digest("hex"), createdById: "test" } });
      await suite.db.prisma.deviceTarget.upsert({ where: { deviceId }, create: { deviceId, buildId: id, targetVersion: 1n, changeSeq: 1n }, update: { buildId: id } });
    },
    async stop() {
      await gateway.close();
      await suite.drop();
      await rm(root, { recursive: true, force: true });
    },
  };
}
