import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { request as httpRequest, type Agent } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import {
  PROTOCOL_VERSION, enrollProof, syncResponseSchema, tokenProof, type DeploymentPhase, type DeploymentReport, type DeviceClass, type Labels, type RunningReport, type SyncRequest, type Target,
} from "@flotilla/protocol";

/** How a device takes a build: well, badly, or it is handed it and never heard of again. */
export type Behaviour = "succeed" | "fail" | "fall_silent";

const SYNC_EVERY_MS = 400;
const PHASES: readonly DeploymentPhase[] = ["downloading", "installing", "verifying"];
const deviceClass: DeviceClass = { name: "pi4", arch: "arm64", isa: ["neon"], runtime: { name: "onnxruntime", version: "1.30.0" }, executionProvider: "cpu", memoryBytes: 2 ** 31, simulated: true };

/** What a build's model is called by its digest, where there is no model. */
export const modelSha256Of = (manifestSha256: string): string => manifestSha256.split("").toReversed().join("");

/** A device that speaks the protocol and installs nothing: one phase per sync. */
export class ProtocolDevice {
  readonly name: string;
  readonly #server: string;
  readonly #agent: Agent;
  readonly #key: KeyObject;
  readonly #behaviourOf: (buildId: string) => Behaviour;
  #deviceId = "";
  #token = "";
  #target: Target | null = null;
  #running: RunningReport | null = null;
  #report: DeploymentReport | undefined;
  isSilent = false;

  constructor(options: { server: string; agent: Agent; name: string; behaviourOf: (buildId: string) => Behaviour }) {
    this.name = options.name;
    this.#server = options.server;
    this.#agent = options.agent;
    this.#behaviourOf = options.behaviourOf;
    this.#key = generateKeyPairSync("ed25519").privateKey;
  }

  get runningBuildId(): string | null {
    return this.#running?.buildId ?? null;
  }

  async enrol(token: string, labels: Labels): Promise<void> {
    const publicKey = createPublicKey(this.#key).export({ type: "spki", format: "der" }).toString("base64");
    const proof = { token, name: this.name, publicKey, nonce: await this.#nonce() };
    const answer = (await this.#post("/device/v1/enroll", { ...proof, protocol: PROTOCOL_VERSION, class: deviceClass, labels, signature: this.#signed(enrollProof(proof)) })) as { deviceId: string };
    this.#deviceId = answer.deviceId;
    const request = { deviceId: this.#deviceId, nonce: await this.#nonce() };
    this.#token = ((await this.#post("/device/v1/token", { ...request, signature: this.#signed(tokenProof(request)) })) as { token: string }).token;
  }

  /** Syncs until told to stop; a refusal or a lost connection costs that sync. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.isSilent) {
      await this.#sync().catch(() => undefined);
      await delay(SYNC_EVERY_MS * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
    }
  }

  async #sync(): Promise<void> {
    const request: SyncRequest = {
      protocol: PROTOCOL_VERSION, bootId: "boot-12345",
      report: {
        agentVersion: "0.1.0", targetVersion: this.#target?.targetVersion ?? 0, running: this.#running, slots: [], class: deviceClass,
        resources: { rssBytes: 1, freeMemoryBytes: 1, freeDiskBytes: 1, queuedWindows: 0, temperatureC: null }, ...(this.#report ? { deployment: this.#report } : {}),
      },
    };
    const answer = syncResponseSchema.parse(await this.#post("/device/v1/sync", request, this.#token));
    const { target } = answer;
    if (target !== undefined && target.targetVersion > (this.#target?.targetVersion ?? 0)) this.#take(target);
    else this.#advance();
  }

  #take(target: Target): void {
    this.#target = target;
    this.#report = undefined;
    if (target.build === null || target.deploymentId === null) return;
    if (this.#behaviourOf(target.build.buildId) === "fall_silent") this.isSilent = true;
    this.#report = { deploymentId: target.deploymentId, targetVersion: target.targetVersion, attempt: 1, phase: "downloading" };
  }

  #advance(): void {
    const report = this.#report;
    const build = this.#target?.build;
    if (report === undefined || !build || report.phase === "succeeded" || report.phase === "failed") return;
    const next = PHASES[PHASES.indexOf(report.phase) + 1];
    if (next !== undefined) this.#report = { ...report, phase: next };
    else if (this.#behaviourOf(build.buildId) === "fail") {
      this.#report = { ...report, phase: "failed", failure: { code: "load_failed", detail: "the model could not be opened", recovery: "no_state_change" } };
    } else {
      this.#running = { buildId: build.buildId, manifestSha256: build.manifest.sha256, versionId: "ver_fault", modelSha256: modelSha256Of(build.manifest.sha256), runningForMs: 1 };
      this.#report = { ...report, phase: "succeeded", probe: { passed: true, loadMs: 1, maxAbsError: 0 } };
    }
  }

  async #nonce(): Promise<string> {
    return ((await this.#post("/device/v1/nonce")) as { nonce: string }).nonce;
  }

  #signed(bytes: Uint8Array): string {
    return sign(null, bytes, this.#key).toString("base64");
  }

  /** A GET without a body. Rejects on anything but 200. */
  #post(path: string, body?: unknown, token?: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
      const call = httpRequest(new URL(path, this.#server), { method: body === undefined ? "GET" : "POST", headers, agent: this.#agent, timeout: 15_000 }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        answer.on("error", reject).on("end", () => {
          if (answer.statusCode === 200 || answer.statusCode === 201) resolve(JSON.parse(text));
          else reject(new Error(`${path} answered ${answer.statusCode}: ${text}`));
        });
      });
      call.on("timeout", () => call.destroy(new Error("no answer"))).on("error", reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
