import { runDeviceProgram } from "./run-device-program.ts";

runDeviceProgram("agent", process.argv.slice(2));
