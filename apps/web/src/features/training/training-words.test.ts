import { expect, test } from "vitest";
import { runState } from "./training-words.tsx";

const run = { state: "running", attempt: 1, stopRequested: false, cancelRequested: false, stoppedBy: null } as const;

test("a run that was taken up again, asked to stop or stopped says so", () => {
  expect(runState(run)).toBe("running");
  expect(runState({ ...run, attempt: 2 })).toBe("resumed");
  expect(runState({ ...run, attempt: 2, stopRequested: true })).toBe("stopping");
  expect(runState({ ...run, state: "succeeded", stoppedBy: "epochs" })).toBe("finished");
  expect(runState({ ...run, state: "succeeded", stoppedBy: "early_stopping" })).toBe("stopped early");
  expect(runState({ ...run, state: "quarantined" })).toBe("quarantined");
});
