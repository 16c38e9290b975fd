import { execFile } from "node:child_process";
import { chownSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { SERVER_ENV } from "./server-env.ts";

/**
 * A way to run a program as somebody PostgreSQL accepts. PostgreSQL refuses to run as root, so root must step down:
 *  - userns: a user namespace in which root has another number; files stay root's, works below /root
 *  - switch: another user; works where that user can reach the program and the folder
 *  - switch_with_access: another user that keeps the right to pass closed folders; works below /root in containers
 *    that forbid user namespaces
 */
export type RunAs = {
  readonly kind: "same" | "userns" | "switch" | "switch_with_access";
  /** Who owns the files it makes. */
  readonly owner: { uid: number; gid: number };
  wrap(command: string, args: readonly string[]): { command: string; args: string[]; uid?: number; gid?: number };
};

type Account = { uid: number; gid: number };

/**
 * Picks the first way that can execute `program` and write into `folder`, and makes `folder` its own.
 * Throws EmbeddedPostgresError("cannot_leave_root") when none can.
 */
export async function chooseRunAs(program: string, folder: string): Promise<RunAs> {
  const uid = process.geteuid?.();
  if (uid === undefined || uid !== 0) return runAsSame();
  const refusals: string[] = [];
  for (const way of waysForRoot(lstatSync(folder).uid)) {
    const refusal = await tryOut(way, program, folder);
    if (refusal === undefined) return way;
    refusals.push(`${way.kind}: ${refusal}`);
  }
  throw new EmbeddedPostgresError(
    "cannot_leave_root",
    `PostgreSQL refuses to run as root, and this machine offers no way to run it as somebody else in ${folder} ` +
      `(${refusals.join("; ")}). Start as an ordinary user, choose another folder with --data-dir, or set DATABASE_URL.`,
  );
}

/** A folder keeps the owner it has, if possible: changing it means touching every file. */
function waysForRoot(folderOwner: number): RunAs[] {
  const stepDown = accountFor(folderOwner);
  const switches = [runAsSwitch(stepDown), runAsSwitchWithAccess(stepDown)];
  const userns = runAsUserns(accountFor(0));
  const isLinux = process.platform === "linux";
  if (!isLinux) return [runAsSwitch(stepDown)];
  return folderOwner === 0 ? [userns, ...switches] : [...switches, userns];
}

function runAsSame(): RunAs {
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  return { kind: "same", owner, wrap: (command, args) => ({ command, args: [...args] }) };
}

function runAsUserns(inside: Account): RunAs {
  return {
    kind: "userns",
    owner: { uid: 0, gid: 0 },
    wrap: (command, args) => ({
      command: "unshare",
      args: ["--user", `--map-user=${inside.uid}`, `--map-group=${inside.gid}`, "--", command, ...args],
    }),
  };
}

function runAsSwitch(account: Account): RunAs {
  return { kind: "switch", owner: account, wrap: (command, args) => ({ command, args: [...args], ...account }) };
}

function runAsSwitchWithAccess(account: Account): RunAs {
  return {
    kind: "switch_with_access",
    owner: account,
    wrap: (command, args) => ({
      command: "setpriv",
      args: [
        `--reuid=${account.uid}`,
        `--regid=${account.gid}`,
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        "--",
        command,
        ...args,
      ],
    }),
  };
}

/** initdb wants a user that has a name, so the number must be in /etc/passwd. */
function accountFor(folderOwner: number): Account {
  const accounts = readAccounts();
  const byName = (name: string): Account | undefined => accounts.find((account) => account.name === name);
  const owner = accounts.find((account) => account.uid === folderOwner && account.uid !== 0);
  const chosen = owner ?? byName("postgres") ?? byName("nobody") ?? accounts.find((account) => account.uid > 0);
  return { uid: chosen?.uid ?? 65534, gid: chosen?.gid ?? 65534 };
}

function readAccounts(): (Account & { name: string })[] {
  try {
    return readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"))
      .filter((fields) => fields.length >= 4 && fields[0] && !fields[0].startsWith("#"))
      .map((fields) => ({ name: fields[0] ?? "", uid: Number(fields[2]), gid: Number(fields[3]) }))
      .filter((account) => account.uid >= 0);
  } catch {
    return [];
  }
}

/** Undefined when it works, else the reason. */
async function tryOut(way: RunAs, program: string, folder: string): Promise<string | undefined> {
  try {
    giveTo(folder, way.owner);
    const probe = '"$1" --version >/dev/null && : >"$2/.probe" && rm "$2/.probe"';
    const { command, args, uid, gid } = way.wrap("/bin/sh", ["-c", probe, "sh", program, folder]);
    await promisify(execFile)(command, args, {
      cwd: "/",
      env: SERVER_ENV,
      ...(uid !== undefined && gid !== undefined && { uid, gid }),
    });
    return undefined;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return (stderr?.trim() || message).split("\n").at(-1) ?? "";
  }
}

/** Changes the owner of a folder and all in it; does nothing when the folder itself already belongs to them. */
function giveTo(path: string, owner: Account): void {
  const found = lstatSync(path);
  if (found.uid === owner.uid && found.gid === owner.gid) return;
  if (found.isDirectory()) for (const name of readdirSync(path)) giveAll(join(path, name), owner);
  // The top comes last: when this is interrupted, the next start does it again.
  chownSync(path, owner.uid, owner.gid);
}

function giveAll(path: string, owner: Account): void {
  const found = lstatSync(path);
  if (found.isSymbolicLink()) return;
  chownSync(path, owner.uid, owner.gid);
  if (found.isDirectory()) for (const name of readdirSync(path)) giveAll(join(path, name), owner);
}
