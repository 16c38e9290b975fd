// The obvious way: a Next route handler, the schema, one Prisma update, the answer. The benchmark measures the gateway against it.
import { createHmac, timingSafeEqual } from "node:crypto";
import { connect } from "@flotilla/db";
import { syncRequestSchema } from "@flotilla/protocol";

const db = connect(process.env.DATABASE_URL);
const secret = process.env.DEVICE_TOKEN_SECRET;

export const dynamic = "force-dynamic";

export async function POST(request) {
  const token = (request.headers.get("authorization") ?? "").slice("Bearer ".length);
  const end = token.lastIndexOf(".");
  const expected = Buffer.from(createHmac("sha256", secret).update(token.slice(0, end)).digest("base64url"));
  const given = Buffer.from(token.slice(end + 1));
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) return Response.json({ code: "unauthenticated" }, { status: 401 });
  const deviceId = token.split(".")[2];
  const parsed = syncRequestSchema.safeParse(await request.json());
  if (!parsed.success) return Response.json({ code: "bad_request" }, { status: 400 });
  const { bootId, report, telemetry } = parsed.data;
  await db.prisma.deviceLive.update({
    where: { deviceId },
    data: {
      lastSeenAt: new Date(), bootId, slots: report.slots, resources: report.resources, agentVersion: report.agentVersion,
      runningBuildId: report.running?.buildId ?? null, runningVersionId: report.running?.versionId ?? null, runningSha256: report.running?.manifestSha256 ?? null,
    },
  });
  return Response.json({ serverTime: new Date().toISOString(), syncAfterMs: 30_000, ack: telemetry ? { epoch: telemetry.epoch, seq: telemetry.last } : undefined, commands: [] });
}
