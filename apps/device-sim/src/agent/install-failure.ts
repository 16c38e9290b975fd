import type { DeviceFailureCode } from "@flotilla/protocol";
import { diskFailureCode, isDiskError } from "./disk.ts";

/** An install step that did not succeed, with the code the device reports. */
export class InstallFailure extends Error {
  readonly code: DeviceFailureCode;

  constructor(code: DeviceFailureCode, detail: string) {
    super(detail);
    this.name = "InstallFailure";
    this.code = code;
  }
}

/** Code and words for whatever a step threw. Unknown errors count as `io`: they may pass with another attempt. */
export function failureOf(error: unknown): { code: DeviceFailureCode; detail: string } {
  if (error instanceof InstallFailure) return { code: error.code, detail: error.message };
  const detail = error instanceof Error ? error.message : String(error);
  return { code: isDiskError(error) ? diskFailureCode(error) : "io", detail };
}
