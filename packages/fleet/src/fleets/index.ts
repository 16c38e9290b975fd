// A fleet is a label query over devices.
export type * from "./types.ts";
export { createFleet, deleteFleet, getFleet, listFleets, previewFleet, updateFleet, type FleetInput } from "./fleets.ts";
