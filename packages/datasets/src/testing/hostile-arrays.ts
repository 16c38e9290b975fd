import { gzipSync } from "node:zlib";
import type { HostileDataset } from "./hostile-datasets.ts";
import { float32Bytes, idxFile, npyFile, npyWithHeader } from "./sample-files.ts";
import { zipFile } from "./zip-file.ts";

const UBYTE = 0x08;
const images = (count: number): Buffer => idxFile(UBYTE, [count, 8, 8], Buffer.alloc(count * 64, 9));
const labels = (count: number): Buffer => idxFile(UBYTE, [count], Buffer.alloc(count, 1));

/** IDX and NumPy files that lie about their size, run programs or ask for everything. */
export function hostileArrays(): HostileDataset[] {
  return [...idxCases(), ...npyCases()];
}

function idxCases(): HostileDataset[] {
  const idx = (name: string, bytes: Uint8Array, rest: Pick<HostileDataset, "refusal" | "says"> & Partial<HostileDataset>): HostileDataset => ({ name: `idx: ${name}`, fileName: "images.idx3", bytes, ...rest });
  const gzipped = gzipSync(images(50));
  return [
    idx("fewer images than declared", idxFile(UBYTE, [10, 8, 8], Buffer.alloc(9 * 64)), { refusal: "idx_size", says: "cut off or damaged" }),
    idx("more images than declared", idxFile(UBYTE, [10, 8, 8], Buffer.alloc(11 * 64)), { refusal: "idx_size", says: "cut off or damaged" }),
    idx("four billion images", idxFile(UBYTE, [0xffffffff, 8, 8], Buffer.alloc(64)), { refusal: "too_many_examples", says: "more than 1,000,000 examples" }),
    idx("images of 65,536 × 65,536", idxFile(UBYTE, [1, 65_536, 65_536], Buffer.alloc(64)), { refusal: "example_too_large", says: "64 MiB" }),
    idx("200 dimensions", idxFile(UBYTE, Array.from({ length: 200 }, () => 1), Buffer.alloc(1)), { refusal: "idx_size", says: "1 to 8 dimensions" }),
    idx("empty images", idxFile(UBYTE, [3, 0, 8], Buffer.alloc(0)), { refusal: "idx_size", says: "empty" }),
    idx("header cut off", images(1).subarray(0, 9), { refusal: "idx_malformed", says: "inside of its header" }),
    idx("labels for fewer images", images(3), { companions: [{ fileName: "labels.idx1", bytes: labels(2) }], refusal: "count_mismatch", says: "3 examples" }),
    idx("two sets of images for one of labels", images(3), { companions: [{ fileName: "more.idx3", bytes: images(3) }, { fileName: "labels.idx1", bytes: labels(3) }], refusal: "idx_pair", says: "train and test" }),
    idx("labels alone", labels(3), { refusal: "idx_pair", says: "not clear" }),
    idx("gzip cut off", gzipped.subarray(0, gzipped.byteLength - 12), { refusal: "gzip_damaged", says: "cut-off gzip" }),
    idx("gzip with more than declared", gzipSync(Buffer.concat([images(5), Buffer.alloc(5_000_000)])), { refusal: "idx_size", says: "goes on behind" }),
    idx("gzip with less than declared", gzipSync(idxFile(UBYTE, [10, 8, 8], Buffer.alloc(64))), { refusal: "idx_size", says: "holds fewer" }),
    idx("gzip that inflates without end", gzipSync(images(1_000)), { limits: { inflatedBytes: 10_000 }, refusal: "zip_bomb", says: "inflates to more than" }),
    idx("floats with NaN", idxFile(0x0d, [2, 2], Buffer.from("7fc000003f8000003f8000003f800000", "hex")), { refusal: "value_not_finite", says: "images.idx3[0]" }),
  ];
}

function npyCases(): HostileDataset[] {
  const npy = (name: string, bytes: Uint8Array, rest: Pick<HostileDataset, "refusal" | "says"> & Partial<HostileDataset>): HostileDataset => ({ name: `npy: ${name}`, fileName: "x.npy", bytes, ...rest });
  const header = (text: string): Buffer => npyWithHeader(text, Buffer.alloc(8));
  const endless = Buffer.from("934e554d50590200ffffffff", "hex");
  const floats = npyFile("<f4", [2, 2], float32Bytes([1, 2, 3, 4]));
  const zip = (...names: string[]): Buffer => zipFile(names.map((name) => ({ name, bytes: floats })));
  return [
    npy("Python objects", npyFile("|O", [2], Buffer.from("80049504000000000000008c0161942e", "hex")), { refusal: "npy_pickle", says: "never run here" }),
    npy("Python objects in an NPZ", zipFile([{ name: "x.npy", bytes: npyFile("|O", [2], Buffer.alloc(8)) }]), { fileName: "data.npz", refusal: "npy_pickle", says: "never run here" }),
    npy("named fields", header("{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (1,), }"), { refusal: "npy_type", says: "named fields" }),
    npy("complex numbers", npyFile("<c8", [1], Buffer.alloc(8)), { refusal: "npy_type", says: "astype" }),
    npy("long double", npyFile("<f16", [1], Buffer.alloc(16)), { refusal: "npy_type", says: "astype" }),
    npy("a program for a header", header("__import__('os').system('true')"), { refusal: "npy_malformed", says: "not what numpy.save writes" }),
    npy("an expression for a shape", header("{'descr': '<f4', 'fortran_order': False, 'shape': (2**40,), }"), { refusal: "npy_malformed", says: "not what numpy.save writes" }),
    npy("negative dimension", header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }"), { refusal: "npy_malformed", says: "not what numpy.save writes" }),
    npy("a key twice", header("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"), { refusal: "npy_malformed", says: "not what numpy.save writes" }),
    npy("header of 4 GiB", endless, { refusal: "npy_malformed", says: "64 KiB are read at most" }),
    npy("version 9", Buffer.concat([Buffer.from("934e554d50590900", "hex"), Buffer.alloc(64)]), { refusal: "npy_malformed", says: "version 9" }),
    npy("header cut off", floats.subarray(0, 40), { refusal: "npy_malformed", says: "inside of its header" }),
    npy("80 bytes that ask for 16 GiB", npyFile("<f4", [65_536, 65_536], Buffer.alloc(0)), { refusal: "npy_size", says: "cut off or damaged" }),
    npy("product beyond all numbers", npyFile("<f8", [999_999, 999_999_999, 999_999_999, 999_999_999], Buffer.alloc(8)), { refusal: "example_too_large", says: "64 MiB" }),
    npy("a number without dimension", npyFile("<f4", [], float32Bytes([1])), { refusal: "npy_size", says: "1 to 8 dimensions" }),
    npy("one number missing", floats.subarray(0, floats.byteLength - 4), { refusal: "npy_size", says: "cut off or damaged" }),
    npy("only NaN", npyFile("<f4", [2, 1], float32Bytes([Number.NaN, Number.POSITIVE_INFINITY])), { refusal: "value_not_finite", says: "x.npy[0], x.npy[1]" }),
    npy("float64 beyond float32", npyFile("<f8", [1, 1], Buffer.from(Float64Array.of(1e300).buffer)), { refusal: "value_not_finite", says: "x.npy[0]" }),
    npy("arrays nobody can tell apart", zip("a.npy", "b.npy", "c.npy"), { fileName: "data.npz", refusal: "npz_keys", says: '"a" (2×2), "b" (2×2), "c" (2×2)' }),
    npy("a key that is not there", zip("a.npy", "b.npy"), { fileName: "data.npz", options: { xKey: "z" }, refusal: "npz_keys", says: 'no array "z"' }),
    npy("label rows that are not one-hot", zip("x.npy", "y.npy"), { fileName: "data.npz", refusal: "labels_unusable", says: "one-hot" }),
    npy("texts for examples", npyFile("<U2", [1], Buffer.alloc(8)), { refusal: "npy_type", says: "examples are numbers" }),
  ];
}
