import { parseAsArrayOf, parseAsBoolean, parseAsString, parseAsStringLiteral, type inferParserType } from "nuqs/server";
import { deviceColumnList } from "./device-column-list.ts";
import type { DeviceFilter } from "./device-queries.ts";
import { presenceOrder } from "./presence.ts";

const columnIds = deviceColumnList.map((column) => column.id);

/** All that is filtered and shown is in the URL. */
export const deviceParams = {
  q: parseAsString.withDefault(""), query: parseAsString.withDefault(""), presence: parseAsStringLiteral(presenceOrder), class: parseAsString, build: parseAsString,
  drift: parseAsBoolean.withDefault(false), cols: parseAsArrayOf(parseAsStringLiteral(columnIds)).withDefault([...columnIds]),
};

export type DeviceParams = inferParserType<typeof deviceParams>;
export type SetDeviceParams = (change: Partial<{ [K in keyof DeviceParams]: DeviceParams[K] | null }>) => void;

/** The filter that these parameters ask for. */
export function filterOf(params: DeviceParams): DeviceFilter {
  return { search: params.q, query: params.query, presence: params.presence, className: params.class, buildId: params.build, drift: params.drift };
}

/** The same filter as packages/fleet takes it. */
export function listInput(filter: DeviceFilter) {
  return {
    search: filter.search || undefined, query: filter.query || undefined, presence: filter.presence ?? undefined,
    className: filter.className ?? undefined, buildId: filter.buildId ?? undefined, drift: filter.drift || undefined,
  };
}
