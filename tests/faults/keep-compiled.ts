import { flushCompileCache } from "node:module";

// Node writes its cache of compiled sources when a program ends; a program that is always killed would compile them at every start, which
// costs as much again as the start itself. Loaded before the programs that are killed here (`node --import`).
const STARTED_MS = 1_500;
setTimeout(flushCompileCache, STARTED_MS).unref();
