import { createServer } from "node:net";
import { Refusal } from "./refusal.ts";

const TRIES = 50;

export type ChosenPort = { port: number; /** Said on the screen when it is not the default. */ note?: string };

/**
 * The port that was asked for, which must be free; else the default, or the next free one above it.
 * Throws Refusal when the asked one is taken or not allowed.
 */
export async function choosePort(input: { name: string; flag: string; asked: number | undefined; byDefault: number; host: string; avoid?: number }): Promise<ChosenPort> {
  const { asked, byDefault, host } = input;
  if (asked !== undefined) {
    if (asked === input.avoid) throw new Refusal(`${input.flag} ${asked} is the port of another part of this platform.`);
    const problem = await tryPort(asked, host);
    if (problem) throw new Refusal(`Port ${asked} (${input.flag}) cannot be used for the ${input.name}: ${problem}. Choose another one, or leave ${input.flag} out.`);
    return { port: asked };
  }
  for (let port = byDefault; port < byDefault + TRIES; port++) {
    if (port === input.avoid) continue;
    if ((await tryPort(port, host)) === undefined) return port === byDefault ? { port } : { port, note: `port ${byDefault} is taken` };
  }
  throw new Refusal(`No free port for the ${input.name} between ${byDefault} and ${byDefault + TRIES - 1} on ${host}. Name one with ${input.flag}.`);
}

/** Undefined when one can listen there, else why not. */
function tryPort(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(reasonOf(error, host)));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

function reasonOf(error: NodeJS.ErrnoException, host: string): string {
  if (error.code === "EADDRINUSE") return "another program is listening on it";
  if (error.code === "EACCES") return "this user may not listen on it";
  if (error.code === "EADDRNOTAVAIL") return `this machine does not have the address ${host}`;
  return error.message;
}
