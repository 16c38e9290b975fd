import { expect, test } from "vitest";
import { isTouched } from "./change-topics.ts";

const change = { topic: "rollout", id: "rol_1m8743h3cwqgrz6cbz93k7" } as const;

test("lists of the topic and the object itself are read again, other objects are not", () => {
  expect(isTouched(["rollout", "list", {}], undefined, change)).toBe(true);
  expect(isTouched(["rollout", change.id, "events"], undefined, change)).toBe(true);
  expect(isTouched(["rollout", "rol_1m8743h3cwqgrz6cbz93k8"], undefined, change)).toBe(false);
  expect(isTouched(["job", "list"], undefined, change)).toBe(false);
});

test("pages that show numbers of the topic are read again too", () => {
  expect(isTouched(["overview"], undefined, change)).toBe(true);
  expect(isTouched(["model", "mdl_1m8743h3cwqgrz6cbz93k7"], ["rollout"], change)).toBe(true);
});
