import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { demoConvNet } from "@flotilla/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Operator } from "./operator.ts";
import { startDeviceProgram, startPlatform, until, type Platform } from "./platform.ts";

let platform: Platform;
let operator: Operator;
const dataDir = mkdtempSync(join(tmpdir(), "flotilla-agent-"));

beforeAll(async () => {
  platform = await startPlatform();
  operator = new Operator(platform);
});

afterAll(async () => {
  await platform?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

test("an agent on a box of its own enrols, installs a build, answers inference on a local port, survives a kill, and stops when revoked", async () => {
  const { token } = await operator.call<{ token: string }>("POST", "/enrollment-tokens", { maxUses: 1, expiresInSeconds: 600 });
  const args = ["agent", "--server", platform.gatewayUrl, "--token", token, "--data-dir", dataDir, "--name", "bench-box", "--class", "bench", "--infer-port", "0"];
  let agent = startDeviceProgram(args);
  try {
    const device = await until("the agent reports", async () => (await operator.devices()).find((d) => d.name === "bench-box" && d.presence === "reporting"));
    const version = await operator.importModel("digit-reader", "digits.onnx", demoConvNet({ seed: 3 }));
    const build = await operator.build("bench 1", version.id);
    const fleet = await operator.call<{ id: string }>("POST", "/fleets", { name: "bench", query: "class=bench" });
    await operator.rolloutReaches(await operator.startRollout(build, fleet.id, [{ percent: 100, soakSeconds: 0 }]), "completed");

    const inferUrl = await until("the agent says where it answers", async () => /"inferUrl":"([^"]+)"/.exec(agent.output())?.[1]);
    const answer = await fetch(inferUrl, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ inputs: {} }) });
    expect(answer.status).toBe(400);

    agent.process.kill("SIGKILL");
    agent = startDeviceProgram(args);
    await until("it runs the build again after a kill, without a token left to use", async () =>
      (await operator.call<{ actualBuild: { id: string } | null; presence: string; bootId: string }>("GET", `/devices/${device.id}`)).actualBuild?.id === build);

    await operator.call("POST", `/devices/${device.id}/revoke`, {});
    await until("it hears that it was revoked", async () => /device_revoked|revoked/.test(agent.output()));
  } finally {
    await agent.stop();
  }
});
