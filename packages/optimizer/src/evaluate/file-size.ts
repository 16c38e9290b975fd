import { promisify } from "node:util";
import { brotliCompress, constants, zstdCompress } from "node:zlib";

export type FileSize = {
  readonly sizeBytes: number;
  /** Zstandard, level 9: what a store or a transfer would make of it. */
  readonly zstdBytes: number;
  /** Brotli, quality 6, window 4 MiB. */
  readonly brotliBytes: number;
};

const zstd = promisify(zstdCompress);
const brotli = promisify(brotliCompress);

/** Sizes of a file as it is and compressed, on threads of the platform's pool. */
export async function measureFileSize(bytes: Uint8Array): Promise<FileSize> {
  const [zstdBytes, brotliBytes] = await Promise.all([
    zstd(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 9 } }),
    brotli(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 6, [constants.BROTLI_PARAM_LGWIN]: 22, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength } }),
  ]);
  return { sizeBytes: bytes.byteLength, zstdBytes: zstdBytes.byteLength, brotliBytes: brotliBytes.byteLength };
}
