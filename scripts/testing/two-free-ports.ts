import { createServer } from "node:net";

/** Two free ports, both held until both are known: the system may hand out a port that was just let go again. */
export async function twoFreePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const;
  const ports = [0, 0] as [number, number];
  for (const [index, server] of servers.entries()) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    ports[index] = address.port;
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}
