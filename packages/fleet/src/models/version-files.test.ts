import { FleetError, fileNameSchema } from "@flotilla/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planFiles, safeFileName } from "./version-files.ts";

const file = (filename: string) => ({ filename, sha256: "0".repeat(64), sizeBytes: 1 });
const codeOf = (files: string[]): string => {
  try {
    planFiles(files.map(file));
    return "accepted";
  } catch (error) {
    return error instanceof FleetError ? error.code : "not a FleetError";
  }
};

describe("names", () => {
  test("whatever a sender calls a file, the name on disk is one safe component", () => {
    const hostile = fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.string({ unit: fc.constantFrom("/", "\\", ".", "-", "\u0000", "\n", "a", "é", "\u202e", ":"), maxLength: 40 }));
    fc.assert(
      fc.property(hostile, (text) => {
        const name = safeFileName(text);
        expect(fileNameSchema.safeParse(name).success).toBe(true);
        expect(name).not.toMatch(/^[.-]|[/\\]|^\.\.?$/);
      }),
      { numRuns: 10_000 },
    );
  });

  test("a name that is safe stays as it is, since the model may refer to it", () => {
    for (const name of ["model.onnx", "weights.bin", "model.onnx.data", "A_b-1.2.onnx", "_x"]) expect(safeFileName(name)).toBe(name);
  });

  test("folders are dropped, and nothing is left that a shell would take for an option", () => {
    expect(safeFileName("C:\\models\\net.onnx")).toBe("net.onnx");
    expect(safeFileName("../../etc/net.onnx")).toBe("net.onnx");
    expect(safeFileName("--rm.onnx")).toBe("__rm.onnx");
    expect(safeFileName("..")).toBe("__");
    expect(safeFileName("")).toBe("model.onnx");
    expect(safeFileName("mein Netz (2).onnx")).toBe("mein_Netz__2_.onnx");
  });

  test("a long name is cut before its ending", () => {
    expect(safeFileName(`${"a".repeat(300)}.onnx`)).toMatch(/^a{123}\.onnx$/);
  });
});

describe("which file is the model", () => {
  test("the only .onnx file, whatever lies beside it and in whatever order", () => {
    const plan = planFiles(["weights.bin", "Net.ONNX", "more.data"].map(file));
    expect(plan.map(({ name, role }) => ({ name, role }))).toEqual([
      { name: "weights.bin", role: "external_data" },
      { name: "Net.ONNX", role: "model" },
      { name: "more.data", role: "external_data" },
    ]);
  });

  test("a single file of any name: the reader says what it is", () => {
    expect(planFiles([file("keras.h5")])).toMatchObject([{ name: "keras.h5", role: "model" }]);
  });

  test("two models, none, nothing and too many files are refused", () => {
    expect(codeOf(["a.onnx", "b.onnx"])).toBe("bad_request");
    expect(codeOf(["a.bin", "b.bin"])).toBe("bad_request");
    expect(codeOf([])).toBe("bad_request");
    expect(codeOf(["m.onnx", ...Array.from({ length: 64 }, (_, n) => `w${n}.bin`)])).toBe("bad_request");
    expect(codeOf(["m.onnx", ...Array.from({ length: 63 }, (_, n) => `w${n}.bin`)])).toBe("accepted");
  });

  test("names that one file system or another takes for the same are refused", () => {
    expect(codeOf(["m.onnx", "w.bin", "W.BIN"])).toBe("bad_request");
    expect(codeOf(["m.onnx", "a/w.bin", "b/w.bin"])).toBe("bad_request");
    expect(codeOf(["m.onnx", "w 1.bin", "w_1.bin"])).toBe("bad_request");
  });
});
