import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { parseOptions } from "./options.ts";
import { choosePort } from "./ports.ts";
import { Refusal } from "./refusal.ts";

test("options have the documented defaults, and --no-demo wins over --devices", () => {
  expect(parseOptions([], "/work")).toEqual({
    port: undefined,
    gatewayPort: undefined,
    host: "127.0.0.1",
    dataDir: "/work/.flotilla",
    devices: 24,
    isDev: false,
  });
  expect(parseOptions(["--no-demo", "--devices", "50", "--port", "8080", "--data-dir", "data"], "/work")).toMatchObject({
    port: 8080,
    devices: 0,
    dataDir: "/work/data",
  });
});

test.each([["--port", "70000"], ["--port", "x"], ["--devices", "-1"], ["--unknown"], ["stray"]])("%s %s is refused", (...args) => {
  expect(() => parseOptions(args, "/")).toThrow(Refusal);
});

async function occupy(): Promise<number> {
  const server: Server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

const web = { name: "web app", flag: "--port", host: "127.0.0.1" };

test("an asked port that is taken is refused, a default one gives way and says so", async () => {
  const taken = await occupy();
  await expect(choosePort({ ...web, asked: taken, byDefault: 3000 })).rejects.toThrow(
    `Port ${taken} (--port) cannot be used for the web app: another program is listening on it.`,
  );
  const { port, note } = await choosePort({ ...web, asked: undefined, byDefault: taken });
  expect(port).toBeGreaterThan(taken);
  expect(note).toBe(`port ${taken} is taken`);
});

test("two parts never get the same port", async () => {
  const free = await occupy();
  const { port } = await choosePort({ ...web, asked: undefined, byDefault: free, avoid: free + 1 });
  expect(port).not.toBe(free + 1);
  await expect(choosePort({ ...web, asked: 4000, byDefault: 1, avoid: 4000 })).rejects.toThrow("is the port of another part");
});

test("an address that this machine does not have is named", async () => {
  await expect(choosePort({ ...web, host: "203.0.113.7", asked: 4000, byDefault: 1 })).rejects.toThrow("does not have the address 203.0.113.7");
});
