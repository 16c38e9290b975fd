import { parseAsArrayOf, parseAsString } from "nuqs";

/** Runs that one comparison takes: more lines than that are told apart by nobody. */
export const RUNS_MAX = 6;

export const compareParams = { runs: parseAsArrayOf(parseAsString).withDefault([]) };
