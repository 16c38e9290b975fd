// What the front page needs beside the lists of the other areas.
export { overviewFacts } from "./store.ts";
export type * from "./types.ts";
