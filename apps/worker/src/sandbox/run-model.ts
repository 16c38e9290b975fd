import { storableText } from "@flotilla/fleet";
import { REFUSAL_CODES, runInSandbox, type SandboxLimits, type SandboxUsage } from "@flotilla/runtime";

/** What opening or running a model in a child came to. `refused`: the model's own fault, as a clause for people, in lower case: "uses custom operator X". */
export type ModelRun<TOut> = ({ kind: "ok"; output: TOut } & SandboxUsage) | { kind: "refused"; code: string; reason: string };

/**
 * Runs an entry of this folder on a model, or on another file from outside. Throws the signal's reason when aborted, and an error when the sandbox itself
 * is broken (no child could be started): that is not the model's fault.
 */
export async function runModel<TIn, TOut>(request: {
  entry: URL;
  input: TIn;
  limits: SandboxLimits;
  workDir: string;
  signal: AbortSignal;
  /** Words for what the child is doing right now, e.g. "opening the model". */
  doing: () => string;
  onProgress?: (value: unknown) => void;
  /** Codes by which the child says that its input is at fault; those of models unless told. */
  refusalCodes?: readonly string[];
  /** What a crash is blamed on. Default: ONNX Runtime. */
  engine?: string;
}): Promise<ModelRun<TOut>> {
  const { doing, limits, refusalCodes = REFUSAL_CODES, engine = "ONNX Runtime", ...rest } = request;
  const outcome = await runInSandbox<TIn, TOut>({ ...rest, limits });
  switch (outcome.kind) {
    case "ok":
      return outcome;
    case "failed":
      if (outcome.code === "spawn_failed") throw new Error(`the sandbox could not be started: ${outcome.message}`);
      if (refusalCodes.includes(outcome.code) || outcome.code === "examples_do_not_fit") return refused(outcome.code, storableText(outcome.message).trim());
      return refused("sandbox_failed", `${doing()} failed: ${storableText(outcome.message).trim()}`);
    case "crashed":
      return refused("sandbox_crashed", `${doing()} crashed ${engine} (${outcome.signal ?? `exit code ${outcome.exitCode ?? "unknown"}`})`);
    case "timeout":
      return refused("too_slow", `${doing()} did not end within ${Math.round(limits.wallMs / 1000)} s`);
    case "cpu_exceeded":
      return refused("too_slow", `${doing()} takes more than ${limits.cpuSeconds} s of CPU time`);
    case "out_of_memory":
      return refused("too_much_memory", `${doing()} needs more than ${(limits.memoryBytes / 1024 ** 3).toFixed(1)} GiB of memory`);
    case "cancelled":
      request.signal.throwIfAborted();
      throw new Error("the sandbox says cancelled, but nobody asked for it");
  }
}

function refused(code: string, reason: string): { kind: "refused"; code: string; reason: string } {
  return { kind: "refused", code, reason };
}

/** A reason ("opening the model takes too long") as a sentence of its own. */
export function sentence(reason: string): string {
  const text = reason.charAt(0).toUpperCase() + reason.slice(1);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
