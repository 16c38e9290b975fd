import { publishBuild, targetFor, type PeerBuild } from "./build-on-peer.ts";
import { byteModel, type ByteModel } from "./byte-models.ts";
import { GatewayPeer, type PeerDevice } from "./gateway-peer.ts";
import type { SimulatedLife } from "./simulated-life.ts";

/** The models of a journey: three good ones, one whose golden set does not come out right, one that fails on probation. */
export const JOURNEY_MODELS = {
  a: byteModel("a"),
  b: byteModel("b"),
  e: byteModel("e"),
  wrong: byteModel("wrong", { golden: "another" }),
  weak: byteModel("weak", { works: false }),
} as const satisfies Record<string, ByteModel>;

export type JourneyBuilds = Record<keyof typeof JOURNEY_MODELS, PeerBuild>;

/** A server with all the journey's builds and no device yet. */
export function journeyPeer(): { peer: GatewayPeer; builds: JourneyBuilds } {
  const peer = new GatewayPeer();
  peer.syncAfterMs = 700;
  const builds = Object.fromEntries(Object.entries(JOURNEY_MODELS).map(([name, model]) => [name, publishBuild(peer, name, model)])) as JourneyBuilds;
  return { peer, builds };
}

/** The one device of a peer, once it has enrolled. */
export function onlyDevice(peer: GatewayPeer): PeerDevice | null {
  return [...peer.devices.values()][0] ?? null;
}

/** The server's knowledge of a device as it is now, without the reports that led to it. */
export function copyOfDevice(device: PeerDevice): PeerDevice {
  const epochs = new Map([...device.epochs].map(([id, epoch]) => [id, { ...epoch, windows: new Map(epoch.windows) }]));
  return { ...device, commands: [], syncs: [], epochs };
}

/** Whether the device's last report says that the way to this target has ended. */
export function hasEnded(device: PeerDevice, targetVersion: number): boolean {
  const deployment = device.syncs.at(-1)?.report.deployment;
  return deployment?.targetVersion === targetVersion && (deployment.phase === "succeeded" || deployment.phase === "failed");
}

/** A device's life: enrolment, two installs, a rollback to the first build, two builds that are no good, and telemetry with an outage. */
export async function travel(life: SimulatedLife, peer: GatewayPeer, builds: JourneyBuilds): Promise<void> {
  const { clock, agent } = life;
  const device = await clock.until("it is enrolled", () => onlyDevice(peer));
  for (const [index, build] of [builds.a, builds.b, builds.a, builds.wrong, builds.weak].entries()) {
    device.target = targetFor(build, index + 1);
    await clock.until(`the way to ${build.name} has ended`, () => hasEnded(device, index + 1));
  }
  life.isOnline = false;
  const { produced } = agent.status().telemetry;
  await clock.until("windows pile up", () => agent.status().telemetry.produced >= produced + 7);
  life.isOnline = true;
  await clock.until("they are told", () => agent.status().telemetry.acked >= produced + 7);
}
