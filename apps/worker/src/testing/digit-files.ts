import { renderSyntheticDigits } from "@flotilla/datasets";
import type { NewFile } from "./worker-fixture.ts";

/** The digits of packages/datasets as two IDX files: big-endian sizes, then bytes. */
export function digitFiles(count: number): NewFile[] {
  const digits = renderSyntheticDigits({ count, seed: 5 });
  const file = (sizes: readonly number[], bytes: Uint8Array): Uint8Array => {
    const header = new DataView(new ArrayBuffer(4 + 4 * sizes.length));
    header.setUint32(0, 0x0800 + sizes.length);
    for (const [at, size] of sizes.entries()) header.setUint32(4 + 4 * at, size);
    return Buffer.concat([new Uint8Array(header.buffer), bytes]);
  };
  return [
    { name: "digits-images-idx3-ubyte", bytes: file([count, 28, 28], digits.pixels) },
    { name: "digits-labels-idx1-ubyte", bytes: file([count], digits.labels) },
  ];
}
