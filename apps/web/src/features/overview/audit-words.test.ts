import { expect, test } from "vitest";
import { auditSentence, namesObject } from "./audit-words.ts";

test("changes read as sentences, unknown ones as they are stored", () => {
  expect(auditSentence("rollout.pause")).toBe("paused rollout");
  expect(auditSentence("api_key.create")).toBe("made API key");
  expect(auditSentence("device.key_change.approve")).toBe("approved key change of");
  expect([auditSentence("session.sign_in"), namesObject("session.sign_in")]).toEqual(["signed in", false]);
  expect([auditSentence("person.first_admin"), namesObject("rollout.pause")]).toEqual(["made the first admin,", true]);
  expect(["optimization.finish", "version.set_preprocessing", "dataset_version.ready", "runner.deliver"].map(auditSentence)).toEqual(["finished optimization", "set the preprocessing of model version", "finished dataset version", "delivered training"]);
  expect(auditSentence("strange.thing")).toBe("strange.thing");
});
