import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { connect } from "@flotilla/db";
import { migrate, runningEmbeddedUrl, startEmbeddedPostgres } from "@flotilla/db/setup";
import { seedDemo } from "./seeds/demo.ts";
import { HUGE_DEVICES, seedHuge } from "./seeds/huge.ts";
import type { Credentials } from "./seeds/operator-api.ts";

const USAGE = `npm run seed -- SCENARIO [--data-dir DIR] [--devices N]

  demo   a model, builds, fleets and a rollout, through the API of the platform that is running
  huge   ${HUGE_DEVICES} devices straight into the database (DATABASE_URL, or the embedded one), for the speed of pages`;

const say = (sentence: string): void => console.log(sentence);

try {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { "data-dir": { type: "string" }, devices: { type: "string" } } });
  const dataDir = resolve(values["data-dir"] ?? ".flotilla");
  if (positionals[0] === "demo") console.log(`Look at ${await seedDemo(readCredentials(dataDir), say)}`);
  else if (positionals[0] === "huge") await huge(dataDir, Number(values.devices ?? HUGE_DEVICES));
  else throw new Error(`Which scenario?\n\n${USAGE}`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function huge(dataDir: string, devices: number): Promise<void> {
  const given = process.env["DATABASE_URL"] || (await runningEmbeddedUrl(join(dataDir, "postgres")));
  const server = given ? undefined : await startEmbeddedPostgres({ dataDir: join(dataDir, "postgres") });
  const url = given ?? server?.url ?? "";
  const db = connect(url, { applicationName: "flotilla seed" });
  try {
    await migrate(url);
    console.log(`${await seedHuge(db, say, devices)} devices added.`);
  } finally {
    await db.close();
    await server?.stop();
  }
}

function readCredentials(dataDir: string): Credentials {
  try {
    return JSON.parse(readFileSync(join(dataDir, "credentials.json"), "utf8")) as Credentials;
  } catch {
    throw new Error(`No platform has run in ${dataDir} (credentials.json is missing). Start one with npm start, or name its folder with --data-dir.`);
  }
}
