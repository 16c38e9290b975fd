import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createNet, NetworkError, type Net } from "./net.ts";

let server: Server | null = null;
let net: Net | null = null;

afterEach(async () => {
  await net?.close();
  server?.closeAllConnections();
  await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
});

async function netTo(listener: RequestListener, path = ""): Promise<Net> {
  const fresh = createServer(listener);
  server = fresh;
  await new Promise<void>((resolve) => fresh.listen(0, "127.0.0.1", () => resolve()));
  net = createNet(`http://127.0.0.1:${(fresh.address() as AddressInfo).port}${path}`);
  return net;
}

const get = { method: "GET", path: "/x", timeoutMs: 2_000 } as const;

async function read(body: AsyncIterable<Uint8Array>): Promise<{ bytes: number; error: unknown }> {
  let bytes = 0;
  try {
    for await (const chunk of body) bytes += chunk.length;
    return { bytes, error: null };
  } catch (error) {
    return { bytes, error };
  }
}

test("everything that arrived before a connection broke is handed out, also when it broke before anyone read", async () => {
  const broken = Promise.withResolvers<void>();
  const client = await netTo((request, response) => {
    request.socket.once("close", () => broken.resolve());
    response.writeHead(200, { "content-length": 1_000_000 });
    response.write(Buffer.alloc(100_000), () => request.socket.destroySoon());
  });
  const response = await client.request(get);
  await broken.promise;
  const { bytes, error } = await read(response.body);
  expect(bytes).toBe(100_000);
  expect(error).toBeInstanceOf(NetworkError);
});

test("connections are kept and used again, also after an answer nobody wanted", async () => {
  let connections = 0;
  const client = await netTo((_request, response) => response.end(Buffer.alloc(50_000)));
  server?.on("connection", () => (connections += 1));
  for (let i = 0; i < 20; i += 1) {
    const response = await client.request(get);
    if (i % 2 === 0) await response.discard();
    else expect((await read(response.body)).bytes).toBe(50_000);
  }
  expect(connections).toBeLessThanOrEqual(2);
});

test("a path in the server's address is kept in front of every call", async () => {
  const paths: (string | undefined)[] = [];
  const client = await netTo((request, response) => {
    paths.push(request.url);
    response.end("{}");
  }, "/flotilla/");
  await (await client.request(get)).discard();
  expect(paths).toEqual(["/flotilla/x"]);
});

test("no answer, a refused connection and an aborted call are network errors, and a slow reader does not fill the memory", async () => {
  const client = await netTo((request, response) => {
    if (request.url === "/silent") return;
    response.writeHead(200);
    const send = (left: number): void => {
      if (left === 0) return void response.end();
      if (response.write(Buffer.alloc(65_536))) setImmediate(() => send(left - 1));
      else response.once("drain", () => send(left - 1));
    };
    send(400);
  });
  await expect(client.request({ ...get, path: "/silent", timeoutMs: 100 })).rejects.toBeInstanceOf(NetworkError);
  await expect(client.request({ ...get, path: "/silent", signal: AbortSignal.timeout(50) })).rejects.toBeInstanceOf(NetworkError);
  const nobody = createNet("http://127.0.0.1:1");
  await expect(nobody.request(get)).rejects.toBeInstanceOf(NetworkError);
  await nobody.close();
  const response = await client.request(get);
  expect((await read(response.body)).bytes).toBe(400 * 65_536);
  expect(() => createNet("ftp://x")).toThrow(TypeError);
});

test("a redirect is followed with the range and without the token; the other host's entity tag is not taken for ours", async () => {
  const seen: (Record<string, unknown> | undefined)[] = [];
  const other = createServer((request, response) => {
    seen.push(request.headers);
    response.writeHead(206, { etag: '"md5-of-something"', "content-range": "bytes 5-9/10" }).end("56789");
  });
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", () => resolve()));
  let location: string | null = `http://127.0.0.1:${(other.address() as AddressInfo).port}/bucket/x?signature=1`;
  const client = await netTo((_request, response) => response.writeHead(307, location === null ? {} : { location }).end());
  const asked = { ...get, headers: { authorization: "Bearer secret", range: "bytes=5-", "if-range": '"sha"', cookie: "a=b" }, followRedirect: true } as const;
  try {
    const response = await client.request(asked);
    expect(response.status).toBe(206);
    expect(response.headers).toMatchObject({ "content-range": "bytes 5-9/10" });
    expect(response.headers).not.toHaveProperty("etag");
    expect((await read(response.body)).bytes).toBe(5);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ range: "bytes=5-" });
    for (const name of ["authorization", "if-range", "cookie"]) expect(seen[0]).not.toHaveProperty(name);
    const calls = { ...asked, followRedirect: false };
    const unfollowed = await client.request(calls);
    expect(unfollowed.status).toBe(307);
    await unfollowed.discard();
    for (const nonsense of [null, "ftp://x/y", "http://"]) {
      location = nonsense;
      await expect(client.request(asked), String(nonsense)).rejects.toBeInstanceOf(NetworkError);
    }
  } finally {
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
  }
});
