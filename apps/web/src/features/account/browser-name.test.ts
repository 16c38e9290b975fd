import { expect, test } from "vitest";
import { addressOf, browserName } from "./browser-name.ts";

test("a session is named so that its owner recognises it", () => {
  expect(browserName("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36")).toBe("Chrome on Linux");
  expect(browserName("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0")).toBe("Edge on Windows");
  expect(browserName("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605 Version/19 Safari/605")).toBe("Safari on macOS");
  expect(browserName("curl/8.5")).toBe("curl");
  expect(browserName(null)).toBe("Unknown browser");
});

test("an address is written the short way and stays the same address", () => {
  for (const [long, short] of [
    ["0000:0000:0000:0000:0000:0000:0000:0001", "::1"],
    ["0000:0000:0000:0000:0000:0000:0000:0000", "::"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["2001:0db8:0000:0001:0000:0000:0000:0000", "2001:db8:0:1::"],
    ["::ffff:127.0.0.1", "127.0.0.1"],
    ["fe80::1", "fe80::1"],
    ["192.0.2.7", "192.0.2.7"],
    [null, "unknown"],
  ] as const) {
    expect(addressOf(long), String(long)).toBe(short);
  }
});
