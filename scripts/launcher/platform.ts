import { join } from "node:path";
import { connect } from "@flotilla/db";
import { Child } from "./child.ts";
import { openDataFolder, readSecrets, writePrivate, type DataFolder } from "./data-folder.ts";
import { openDatabase, type Database } from "./database.ts";
import { DEFAULT_GATEWAY_PORT, DEFAULT_PORT, type LauncherOptions } from "./options.ts";
import { gatewayPart, gatewayUrl, publicGatewayUrl, simulatorPart, webPart, webUrl, workerPart, type Setting } from "./parts.ts";
import { choosePort } from "./ports.ts";
import { provision, type Access } from "./provision.ts";
import { ensureWebBuild } from "./web-build.ts";

/** What is running, for the screen. */
export type Running = {
  url: string;
  signInUrl: string;
  gatewayUrl: string;
  publicGatewayUrl: string;
  dataDir: string;
  databaseDescription: string;
  parts: { name: string; pid: number | undefined; note: string }[];
  notes: string[];
};

const SIMULATOR_GRACE_MS = 2_000;
const PART_GRACE_MS = 5_000;

/** The whole product on this machine: started in order, stopped in the opposite one. */
export class Platform {
  readonly #root: string;
  readonly #options: LauncherOptions;
  readonly #say: (sentence: string) => void;
  #folder: DataFolder | undefined;
  #database: Database | undefined;
  #children: Child[] = [];
  #isStopping = false;

  constructor(root: string, options: LauncherOptions, say: (sentence: string) => void) {
    this.#root = root;
    this.#options = options;
    this.#say = say;
  }

  /** Throws Refusal with what the person can change. What had been started by then is stopped by `stop`. */
  async start(): Promise<Running> {
    const { host } = this.#options;
    const folder = (this.#folder = openDataFolder(this.#options.dataDir));
    const web = await choosePort({ name: "web app", flag: "--port", asked: this.#options.port, byDefault: DEFAULT_PORT, host });
    const gateway = await choosePort({
      name: "gateway",
      flag: "--gateway-port",
      asked: this.#options.gatewayPort,
      byDefault: DEFAULT_GATEWAY_PORT,
      host,
      avoid: web.port,
    });
    const secrets = readSecrets(folder);
    // The database first: a wrong DATABASE_URL is told at once, not after the build.
    const database = (this.#database = await openDatabase(folder, process.env["DATABASE_URL"] || undefined, this.#say));
    if (!this.#options.isDev) await ensureWebBuild(this.#root, join(folder.logs, "web-build.log"), this.#say);
    this.#say("Starting …");
    const setting: Setting = {
      root: this.#root,
      folder,
      secrets,
      databaseUrl: database.url,
      artifactStore: process.env["ARTIFACT_STORE"] || folder.artifacts,
      options: this.#options,
      port: web.port,
      gatewayPort: gateway.port,
      say: this.#say,
    };
    const access = await this.#provision(setting);
    const { email, password, apiKey } = access;
    // Before the parts: whoever sees the web app answer finds the credentials of this run.
    writePrivate(folder.credentialsFile, { url: webUrl(setting), gatewayUrl: gatewayUrl(setting), email, password, apiKey });
    await this.#startParts(setting, access.demo);
    folder.announce(webUrl(setting));
    return this.#running(setting, access.signInToken, [web.note, gateway.note]);
  }

  async #provision(setting: Setting) {
    const db = connect(setting.databaseUrl, { applicationName: "flotilla launcher", poolSize: 2 });
    try {
      return await provision(db, setting.folder, setting.secrets, this.#options.devices);
    } finally {
      await db.close();
    }
  }

  async #startParts(setting: Setting, demo: Access["demo"]): Promise<void> {
    await Promise.all([gatewayPart(setting), workerPart(setting), webPart(setting)].map((spec) => this.#startChild(new Child(spec))));
    if (demo !== undefined) await this.#startChild(new Child(simulatorPart(setting, demo)));
  }

  async #startChild(child: Child): Promise<void> {
    if (this.#isStopping) return;
    this.#children.push(child);
    await child.start();
  }

  /** Simulator first, then the programs, the database last; at most ten seconds. Later calls wait for the first. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const isSimulator = (child: Child): boolean => child.spec.name === "simulator";
    await Promise.all(this.#children.filter(isSimulator).map((child) => child.stop(SIMULATOR_GRACE_MS)));
    await Promise.all(this.#children.filter((child) => !isSimulator(child)).map((child) => child.stop(PART_GRACE_MS)));
    await this.#database?.stop();
    this.#folder?.release();
  }

  /** Leaves no time: for a second Ctrl-C. The database has a watcher of its own and stops in order. */
  kill(): void {
    for (const child of this.#children) child.kill();
    this.#folder?.release();
  }

  #running(setting: Setting, signInToken: string, notes: (string | undefined)[]): Running {
    const note: Record<string, string> = { web: webUrl(setting), gateway: gatewayUrl(setting), simulator: `${this.#options.devices} devices` };
    return {
      url: webUrl(setting),
      signInUrl: `${webUrl(setting)}/sign-in/link?token=${signInToken}`,
      gatewayUrl: gatewayUrl(setting),
      publicGatewayUrl: publicGatewayUrl(setting),
      dataDir: setting.folder.dir,
      databaseDescription: this.#database?.description ?? "",
      parts: this.#children.map((child) => ({ name: child.spec.name, pid: child.pid, note: note[child.spec.name] ?? "" })),
      notes: notes.filter((text) => text !== undefined),
    };
  }
}
