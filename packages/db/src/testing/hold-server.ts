import { startEmbeddedPostgres } from "../embedded/start-embedded-postgres.ts";

// Starts a server in the folder given as argument and waits to be killed.
const server = await startEmbeddedPostgres({ dataDir: process.argv[2] ?? "" });
process.stdout.write(JSON.stringify({ url: server.url, supervisorPid: server.pid }));
await server.exited;
