import { readFile } from "node:fs/promises";
import { freemem } from "node:os";

/** What the machine says about itself at each sync. Units in the names. */
export type Resources = { readonly rssBytes: number; readonly freeMemoryBytes: number; readonly temperatureC: number | null };

/** Reads this machine's own numbers; `modelRssBytes` is the inference process beside the agent's. */
export async function readResources(modelRssBytes: number): Promise<Resources> {
  return { rssBytes: process.memoryUsage.rss() + modelRssBytes, freeMemoryBytes: freemem(), temperatureC: await readTemperature() };
}

/** Where Linux boards tell their chip's temperature, in thousandths of a degree. */
const THERMAL_FILE = "/sys/class/thermal/thermal_zone0/temp";

async function readTemperature(): Promise<number | null> {
  const text = await readFile(THERMAL_FILE, "utf8").catch(() => null);
  const celsius = text === null ? Number.NaN : Number(text.trim()) / 1_000;
  return Number.isFinite(celsius) && celsius > -100 && celsius < 300 ? celsius : null;
}
