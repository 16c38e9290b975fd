import { withTx, type Db, type Tx } from "@flotilla/db";
import {
  countUsers,
  createApiKey,
  createEnrollmentToken,
  createFirstAdmin,
  createSignInLink,
  ensureSimulation,
  hashPassword,
  invitePerson,
  listEnrollmentTokens,
  listPeople,
  listSimulations,
  principalOfApiKey,
  stopSimulation,
  systemPrincipal,
  type PersonView,
} from "@flotilla/fleet";
import { writePrivate, type DataFolder, type Secrets } from "./data-folder.ts";

const LINK_TTL_MS = 24 * 3600 * 1000;
const DEMO_TOKEN_SECONDS = 365 * 24 * 3600;
/** Of apps/device-sim/scenarios/demo.json. */
const DEMO_SEED = 7;
const DEMO_NAME = "Demo fleet";
const launcher = systemPrincipal("launcher");

export type Access = { email: string; password: string; apiKey: string; signInToken: string; /** The demo fleet: its row on the Simulator page, and the token its devices enrol with. */ demo: { simulationId: string; token: string } | undefined };

/**
 * Makes what a person and a script need to get in, unless it is there: an admin, an API key, a token for the simulated
 * devices; and each time a new one-time sign-in link. Secrets are kept in the data folder, the database has hashes only.
 */
export async function provision(db: Db, folder: DataFolder, secrets: Secrets, devices: number): Promise<Access> {
  const passwordHash = await hashPassword(secrets.adminPassword);
  const made = await withTx(db, async (tx) => {
    const admin = await ensureAdmin(tx, secrets, passwordHash);
    const apiKey = await ensureApiKey(tx, secrets);
    const simulation = devices > 0 ? await ensureSimulation(tx, launcher, { name: DEMO_NAME, scenario: "demo", devices, seed: DEMO_SEED }) : await stopDemo(tx);
    const demoToken = simulation && (await ensureDemoToken(tx, secrets, { devices, simulationId: simulation.id }));
    const link = await createSignInLink(tx, launcher, { purpose: "sign_in", userId: admin.id, ttlMs: LINK_TTL_MS });
    return { email: admin.email, apiKey, demoToken, simulation, signInToken: link.token };
  });
  writePrivate(folder.secretsFile, {
    ...secrets,
    adminEmail: made.email,
    apiKey: made.apiKey,
    ...(made.demoToken && { demoToken: made.demoToken }),
  } satisfies Secrets);
  const { demoToken, simulation, ...access } = made;
  return { ...access, password: secrets.adminPassword, demo: demoToken && simulation ? { simulationId: simulation.id, token: demoToken.token } : undefined };
}

/** Without a demo fleet nobody is to run the one of an earlier start. */
async function stopDemo(tx: Tx): Promise<undefined> {
  const { items } = await listSimulations(tx, launcher, { limit: 200 });
  const demo = items.find((simulation) => simulation.name === DEMO_NAME);
  if (demo?.wanted === "running") await stopSimulation(tx, launcher, { id: demo.id, reason: "started with --no-demo" });
}

/** The admin of this data folder. Another database, or one that has people already, gets one more. */
async function ensureAdmin(tx: Tx, secrets: Secrets, passwordHash: string): Promise<PersonView> {
  const person = { name: "Admin", email: secrets.adminEmail, passwordHash };
  if ((await countUsers(tx)) === 0) return createFirstAdmin(tx, launcher, person);
  const known = await findPerson(tx, secrets.adminEmail);
  // A person without our API key in this database was made by another data folder, with another password.
  const isOurs = known !== undefined && secrets.apiKey !== undefined && (await principalOfApiKey(tx, secrets.apiKey)) !== null;
  if (known && isOurs && known.disabledAt === null) return known;
  const email = known ? `admin-${Date.now().toString(36)}@flotilla.local` : secrets.adminEmail;
  return invitePerson(tx, launcher, { ...person, email, role: "admin" });
}

async function findPerson(tx: Tx, email: string): Promise<PersonView | undefined> {
  for (let cursor: string | null = null; ; ) {
    const page: Awaited<ReturnType<typeof listPeople>> = await listPeople(tx, launcher, { limit: 100, ...(cursor !== null && { cursor }) });
    const found = page.items.find((person) => person.email === email);
    if (found || page.nextCursor === null) return found;
    cursor = page.nextCursor;
  }
}

async function ensureApiKey(tx: Tx, secrets: Secrets): Promise<string> {
  if (secrets.apiKey !== undefined && (await principalOfApiKey(tx, secrets.apiKey)) !== null) return secrets.apiKey;
  return (await createApiKey(tx, launcher, { name: "credentials.json", role: "admin" })).secret;
}

/** Devices enrol once and keep their key, so a used-up token is good as long as there are no more devices than before. */
async function ensureDemoToken(tx: Tx, secrets: Secrets, { devices, simulationId }: { devices: number; simulationId: string }): Promise<NonNullable<Secrets["demoToken"]>> {
  const kept = secrets.demoToken;
  if (kept && kept.devices >= devices) {
    const { items } = await listEnrollmentTokens(tx, launcher, { limit: 100 });
    const row = items.find((token) => token.id === kept.id);
    if (row && row.revokedAt === null && Date.parse(row.expiresAt) > Date.now()) return kept;
  }
  const { view, token } = await createEnrollmentToken(tx, launcher, {
    name: "Demo fleet",
    labels: { fleet: "demo", simulation: simulationId },
    maxUses: devices,
    expiresInSeconds: DEMO_TOKEN_SECONDS,
  });
  return { token, id: view.id, devices };
}
