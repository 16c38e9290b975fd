import { expect, test } from "vitest";
import { objectHref, objectKinds } from "./object-links.ts";

test("objects are linked to their own page, others to the page that lists them, and what has neither is not linked", () => {
  const link = (objectKind: string): string | null => objectHref({ objectKind, objectId: "x_1" });
  expect(["device", "training", "dataset", "version", "fleet", "api_key"].map(link)).toEqual(["/devices/x_1", "/trainings/x_1", "/datasets/x_1", "/models/-/v/x_1", "/fleets?fleet=x_1", "/settings/api-keys"]);
  expect(objectKinds.filter((kind) => link(kind) === null)).toEqual(["sign_in_link", "upload", "optimization"]);
  expect(link("something_new")).toBeNull();
});
