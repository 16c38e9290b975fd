import { spawnSync } from "node:child_process";
import { join } from "node:path";

type UploadFile = { name: string; mimeType: string; buffer: Buffer };

const SIDE = 28;

/** Digits that the project draws itself, as the two files of IDX (the format of MNIST): the same for the same seed. */
export function digitFiles({ count, seed }: { count: number; seed: number }): UploadFile[] {
  const program = `import { renderSyntheticDigits } from "@flotilla/datasets"; const { pixels, labels } = renderSyntheticDigits({ count: ${count}, seed: ${seed} }); process.stdout.write(Buffer.concat([pixels, labels]));`;
  const made = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { cwd: join(import.meta.dirname, "../../.."), maxBuffer: 2 ** 28 });
  if (made.status !== 0) throw new Error(`no digits could be drawn: ${made.stderr.toString()}`);
  const pixels = made.stdout.subarray(0, count * SIDE * SIDE);
  const labels = made.stdout.subarray(count * SIDE * SIDE);
  return [idx("digits-images-idx3-ubyte", [count, SIDE, SIDE], pixels), idx("digits-labels-idx1-ubyte", [count], labels)];
}

/** IDX: two zero bytes, the type (8: unsigned bytes), the number of dimensions, each of them in 32 bits, then the bytes. */
function idx(name: string, dims: readonly number[], bytes: Buffer): UploadFile {
  const header = Buffer.alloc(4 + dims.length * 4);
  header.set([0, 0, 8, dims.length]);
  dims.forEach((side, place) => header.writeUInt32BE(side, 4 + place * 4));
  return { name, mimeType: "application/octet-stream", buffer: Buffer.concat([header, bytes]) };
}
