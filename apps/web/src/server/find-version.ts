import "server-only";
import { getVersion, listVersions, type Principal, type VersionView } from "@flotilla/fleet";
import { reader } from "./db.ts";

/** A version by its model and number, or by its own id in place of the number; null when there is none. */
export async function findVersionByNumber(principal: Principal, modelId: string, text: string): Promise<VersionView | null> {
  if (text.startsWith("ver_")) return getVersion(reader(), principal, text);
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1 || number > 2 ** 31 - 1) return null;
  const { items } = await listVersions(reader(), principal, { modelId, number, limit: 1 });
  return items[0] ?? null;
}
