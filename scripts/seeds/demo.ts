import { demoConvNet } from "@flotilla/runtime";
import { OperatorApi, type Credentials } from "./operator-api.ts";

const MODEL = "digit-reader";
const WAVES = [
  { percent: 10, soakSeconds: 20 },
  { percent: 50, soakSeconds: 20 },
  { percent: 100, soakSeconds: 10 },
];

/**
 * Gives a running platform something to look at, through its API as a person would: a model with two versions, two
 * builds, fleets by tier, and a rollout of the first build to every device. Running it again starts the next rollout
 * (the other build). Answers the page to open.
 */
export async function seedDemo(credentials: Credentials, say: (sentence: string) => void): Promise<string> {
  const api = new OperatorApi(credentials);
  const model = await api.ensure<{ id: string; name: string }>("/models", { name: MODEL, description: "Reads one hand-written digit (random weights: for looking around)." });
  const builds: string[] = [];
  for (const [at, channels] of [8, 12].entries()) {
    const versionId = await ensureVersion(api, model.id, at + 1, channels, say);
    builds.push(await ensureBuild(api, `${MODEL} ${at + 1}`, versionId, say));
  }
  const fleets = await Promise.all(
    [
      { name: "Everything", query: "" },
      { name: "Edge boxes", query: "tier=edge" },
      { name: "Vision", query: "tier=vision" },
    ].map((fleet) => api.ensure<{ id: string; name: string }>("/fleets", fleet)),
  );
  const { items } = await api.call<{ items: { buildId?: string; build?: { id: string } }[] }>("GET", "/rollouts?limit=1");
  const lastBuild = items[0]?.buildId ?? items[0]?.build?.id;
  const buildId = lastBuild === builds[0] ? builds[1] : builds[0];
  const rollout = await api.call<{ id: string }>("POST", "/rollouts", { buildId, fleetId: fleets[0]?.id, waves: WAVES });
  await api.call("POST", `/rollouts/${rollout.id}/start`, {});
  say("A rollout to every device has started.");
  return `${credentials.url}/rollouts/${rollout.id}`;
}

async function ensureVersion(api: OperatorApi, modelId: string, number: number, channels: number, say: (sentence: string) => void): Promise<string> {
  const model = await api.call<{ versions?: { id: string; number: number; state: string }[] }>("GET", `/models/${modelId}`);
  const known = model.versions?.find((version) => version.number === number && version.state === "ready");
  if (known) return known.id;
  const uploadId = await api.upload(`${MODEL}-${number}.onnx`, demoConvNet({ seed: number, channels }));
  const { id } = await api.call<{ id: string }>("POST", `/models/${modelId}/versions`, { uploadId });
  const version = await api.leaves<{ state: string; rejectReason: string | null }>(`/versions/${id}`, "validating");
  if (version.state !== "ready") throw new Error(`The demo model was refused: ${version.rejectReason}`);
  say(`Version ${number} of ${MODEL} is ready.`);
  return id;
}

async function ensureBuild(api: OperatorApi, name: string, versionId: string, say: (sentence: string) => void): Promise<string> {
  const { id } = await api.ensure<{ id: string; name: string }>("/builds", { name, variants: [{ versionId }], settings: {} });
  const build = await api.leaves<{ state: string; failure: string | null }>(`/builds/${id}`, "pending");
  if (build.state !== "ready") throw new Error(`The demo build failed: ${build.failure}`);
  say(`Build "${name}" is ready.`);
  return id;
}
