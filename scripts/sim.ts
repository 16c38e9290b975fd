import { runDeviceProgram } from "./run-device-program.ts";

runDeviceProgram("sim", process.argv.slice(2));
