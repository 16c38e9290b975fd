import { expect, test } from "vitest";
import { browserName } from "./browser-name.ts";

test("a session is named so that its owner recognises it", () => {
  expect(browserName("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36")).toBe("Chrome on Linux");
  expect(browserName("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0")).toBe("Edge on Windows");
  expect(browserName("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605 Version/19 Safari/605")).toBe("Safari on macOS");
  expect(browserName("curl/8.5")).toBe("curl");
  expect(browserName(null)).toBe("Unknown browser");
});
