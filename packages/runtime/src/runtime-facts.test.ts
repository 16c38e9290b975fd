import { expect, test } from "vitest";
import { isaOf, runtimeFacts } from "./runtime-facts.ts";

test("flags are read from both forms of /proc/cpuinfo, and words that only contain a flag do not count", () => {
  const x64 = "processor\t: 0\nmodel name\t: Xeon\nflags\t\t: fpu sse avx avx2 avx512f avx512_vnni avx512_vbmi2 f16c fma\nbugs\t\t: spectre\n";
  expect(isaOf(x64, "x64")).toEqual(["avx", "avx2", "avx512_vnni", "avx512f", "f16c", "fma"]);
  const pi5 = "processor\t: 0\nFeatures\t: fp asimd evtstrm aes crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp\n";
  expect(isaOf(pi5, "arm64")).toEqual(["dotprod", "fp16", "neon"]);
  expect(isaOf("", "arm64")).toEqual(["neon"]);
  expect(isaOf("", "x64")).toEqual([]);
});

test("this machine is described with the runtime that is installed", async () => {
  const facts = await runtimeFacts();
  expect(facts).toMatchObject({ ortVersion: "1.30.0", arch: process.arch, platform: process.platform, nodeVersion: process.versions.node });
  expect(facts.executionProviders).toContain("cpu");
  expect(facts.executionProviders).not.toContain("cuda");
  expect(facts.memoryBytes).toBeGreaterThan(0);
});
