import { expect, test } from "vitest";
import { isSameOrigin, originOf } from "./same-origin.ts";

const headers = (values: Record<string, string>): Headers => new Headers(values);

test("reading is never refused; nothing is changed by it", () => {
  for (const method of ["GET", "HEAD", "OPTIONS"]) expect(isSameOrigin(method, headers({ "sec-fetch-site": "cross-site" }), "http://a.test")).toBe(true);
});

test("what the browser says of the site counts before what an origin looks like", () => {
  expect(isSameOrigin("POST", headers({ "sec-fetch-site": "same-origin", origin: "http://internal:3000" }), "https://a.test")).toBe(true);
  expect(isSameOrigin("POST", headers({ "sec-fetch-site": "cross-site", origin: "https://a.test" }), "https://a.test")).toBe(false);
});

test("an origin counts only when it is ours to the letter", () => {
  for (const origin of ["https://a.test:8443", "http://a.test", "https://A.test.evil", "null", "https://a.test/"]) expect(isSameOrigin("POST", headers({ origin }), "https://a.test"), origin).toBe(false);
  expect(isSameOrigin("POST", headers({ origin: "https://a.test" }), "https://a.test")).toBe(true);
});

test("our own origin is the one that was set, else the one that was asked for, through a proxy or not", () => {
  expect(originOf(headers({ host: "evil.example", "x-forwarded-host": "evil.example" }), "http://x/", "https://fleet.example")).toBe("https://fleet.example");
  expect(originOf(headers({ host: "localhost:3000" }), "http://0.0.0.0:3000/", undefined)).toBe("http://localhost:3000");
  expect(originOf(headers({ host: "web:3000", "x-forwarded-host": "fleet.example", "x-forwarded-proto": "https, http" }), "http://web:3000/", undefined)).toBe("https://fleet.example");
});
