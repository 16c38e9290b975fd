// The other side of bench/simulator.ts: a bare node:http server whose answers the device protocol takes. It checks no proof and keeps nothing.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const json = { "content-type": "application/json" };
let ids = 0;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const answer = JSON.stringify(answerTo(request.url ?? "", chunks));
    response.writeHead(200, { ...json, "content-length": Buffer.byteLength(answer) });
    response.end(answer);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.on("disconnect", () => process.exit(0));

function answerTo(path: string, body: readonly Buffer[]): unknown {
  if (path === "/device/v1/nonce") return { nonce: "bench" };
  const given = JSON.parse(Buffer.concat(body).toString("utf8")) as { name?: string; telemetry?: { epoch: string; last: number } };
  if (path === "/device/v1/enroll") return { deviceId: `dev_${(ids += 1)}`, name: given.name };
  if (path === "/device/v1/token") return { token: "bench".repeat(20), expiresInSeconds: 900 };
  const ack = given.telemetry === undefined ? {} : { ack: { epoch: given.telemetry.epoch, seq: given.telemetry.last } };
  return { serverTime: new Date().toISOString(), syncAfterMs: 1_000, commands: [], ...ack };
}
