import { expect, test } from "vitest";
import { auditSentence, namesObject, objectHref } from "./audit-words.ts";

test("changes read as sentences, unknown ones as they are stored", () => {
  expect(auditSentence("rollout.pause")).toBe("paused rollout");
  expect(auditSentence("api_key.create")).toBe("made API key");
  expect(auditSentence("device.key_change.approve")).toBe("approved key change of");
  expect([auditSentence("session.sign_in"), namesObject("session.sign_in")]).toEqual(["signed in", false]);
  expect([auditSentence("person.first_admin"), namesObject("rollout.pause")]).toEqual(["made the first admin,", true]);
  expect(auditSentence("strange.thing")).toBe("strange.thing");
});

test("only objects with a page are linked", () => {
  expect(objectHref({ objectKind: "device", objectId: "dev_1" })).toBe("/devices/dev_1");
  expect(objectHref({ objectKind: "api_key", objectId: "key_1" })).toBeNull();
});
