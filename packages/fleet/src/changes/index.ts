export { CHANGES_CHANNEL, CHANGE_OVERLAP, changesSince, newestChange, pruneChanges, recordChange, recordChanges } from "./store.ts";
export type { ChangeEventView, ChangeTopic } from "./store.ts";
