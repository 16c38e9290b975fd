import { expect, test } from "vitest";
import { createInputSource, readTensorFile } from "./input-source.ts";

const spec = { name: "x", elementType: "float32", shape: ["batch", 2, 2] } as const;

function npy(descr: string, data: Uint8Array, options: { fortran?: boolean; major?: number } = {}): Uint8Array {
  const header = Buffer.from(`{'descr': '${descr}', 'fortran_order': ${options.fortran === true ? "True" : "False"}, 'shape': (1, 2, 2), }\n`);
  const length = options.major === 2 ? Buffer.alloc(4) : Buffer.alloc(2);
  if (options.major === 2) length.writeUInt32LE(header.length);
  else length.writeUInt16LE(header.length);
  return Buffer.concat([Buffer.from([0x93]), Buffer.from("NUMPY"), Buffer.from([options.major ?? 1, 0]), length, header, data]);
}

const floats = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer);

test("raw and NumPy files give the same tensor, whatever their alignment in memory", () => {
  const expected = { elementType: "float32", shape: [1, 2, 2], data: Float32Array.of(1, 2, 3, 4) };
  expect(readTensorFile("a.bin", floats, spec)).toEqual(expected);
  expect(readTensorFile("a.npy", npy("<f4", floats), spec)).toEqual(expected);
  expect(readTensorFile("a.npy", npy("<f4", floats, { major: 2 }), spec)).toEqual(expected);
  expect(readTensorFile("a.npy", Buffer.concat([Buffer.alloc(1), npy("<f4", floats)]).subarray(1), spec)).toEqual(expected);
});

test("files of another type, order, size or kind are refused by name", () => {
  expect(() => readTensorFile("a.bin", floats.subarray(1), spec)).toThrow("a.bin holds 15 bytes");
  expect(() => readTensorFile("a.npy", npy("<f8", floats), spec)).toThrow("holds <f8, the model takes <f4");
  expect(() => readTensorFile("a.npy", npy("<f4", floats, { fortran: true }), spec)).toThrow("Fortran order");
  expect(() => readTensorFile("a.npy", floats, spec)).toThrow("not a .npy file");
  expect(() => readTensorFile("a.npy", npy("<f4", floats).subarray(0, 30), spec)).toThrow("cut");
});

test("the synthetic source goes through different inputs and comes round", async () => {
  const source = await createInputSource({ kind: "synthetic", seed: 5 }, [spec]);
  const sets: string[] = [];
  for (let i = 0; i < 17; i += 1) sets.push(JSON.stringify(await source.next()));
  expect(new Set(sets).size).toBe(8);
  expect(sets[16]).toBe(sets[8]);
});

test("a folder that is missing, or a model with two inputs, is said when an input is asked for", async () => {
  const missing = await createInputSource({ kind: "folder", dir: "/no/such/folder" }, [spec]);
  await expect(missing.next()).rejects.toMatchObject({ kind: "input" });
  const two = await createInputSource({ kind: "folder", dir: "/" }, [spec, { ...spec, name: "y" }]);
  await expect(two.next()).rejects.toThrow("this one has 2");
});
