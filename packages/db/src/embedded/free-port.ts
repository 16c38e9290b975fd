import { createServer } from "node:net";

/** A port of 127.0.0.1 nobody listens on: `wanted` when it is free, else one the system picks. */
export async function freePort(wanted?: number): Promise<number> {
  return (wanted ? await tryListen(wanted) : undefined) ?? (await tryListen(0)) ?? Promise.reject(new Error("no free port"));
}

function tryListen(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : undefined));
    });
  });
}
