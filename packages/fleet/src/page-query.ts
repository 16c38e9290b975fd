import { FleetError } from "@flotilla/protocol";
import type { Page, PageInput } from "./page.ts";
import { storableText } from "./text-rules.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;

/** The number of rows to answer with: 50 unless told, 1 to 200. */
export function pageSize(input: PageInput): number {
  const limit = input.limit ?? DEFAULT_LIMIT;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new FleetError("bad_request", { public: `limit must be a whole number from 1 to ${MAX_LIMIT}.` });
  }
  return limit;
}

/** Makes a page from `limit + 1` rows that were asked for: the extra one only says that there are more. */
export function pageOf<Row, View>(rows: readonly Row[], limit: number, cursorOf: (row: Row) => string, viewOf: (row: Row) => View): Page<View> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(viewOf), nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}

/** A cursor over a bigint column, or null on the first page. */
export function bigintCursor(cursor: string | undefined): bigint | null {
  if (cursor === undefined || cursor === "") return null;
  if (!/^\d{1,18}$/.test(cursor)) throw new FleetError("bad_request", { public: "The cursor is not one that this list gave." });
  return BigInt(cursor);
}

/** What to ask Prisma for to show named things, newest first: those behind the cursor whose name holds `search`, and one more than `limit`. */
export function newestNamed(input: PageInput & { search?: string | undefined }, limit: number) {
  return {
    where: {
      ...(input.cursor ? { id: { lt: input.cursor } } : {}),
      ...(input.search ? { name: { contains: searchText(input.search), mode: "insensitive" as const } } : {}),
    },
    orderBy: { id: "desc" as const },
    take: limit + 1,
  };
}

/** Text that people search for, so that "%" and "_" stand for themselves: Prisma hands them to LIKE as they are. */
export function searchText(text: string): string {
  return storableText(text).replaceAll(/[\\%_]/g, (special) => `\\${special}`);
}
