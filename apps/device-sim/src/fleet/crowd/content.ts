import { createHash } from "node:crypto";
import type { ArtifactRef, DeviceClass, Target } from "@flotilla/protocol";
import { InstallFailure } from "../../agent/install-failure.ts";
import { readManifest, slotContentOf } from "../../agent/slots.ts";
import type { SlotContent } from "../../agent/state.ts";

/** What a device of one class gets out of a manifest. */
export type Layout = { readonly content: SlotContent; readonly refs: readonly ArtifactRef[] };

/**
 * The disks of a crowd, as far as they hold the same: bytes lie here once under their digest, and what a manifest means for a class is
 * read once. Each device verifies what it received itself before it says that it has it.
 */
export type Content = {
  /** Keeps bytes whose digest the caller has just checked. */
  keep(sha256: string, bytes: Uint8Array): void;
  bytes(sha256: string): Uint8Array | null;
  /** The variant of the build for the class. Throws `InstallFailure`. */
  layout(build: NonNullable<Target["build"]>, deviceClass: DeviceClass): Layout;
};

/** Bytes kept at most; what is not needed by the model lab any more goes first. Larger artifacts are checked and not kept. */
const KEPT_BYTES = 512 * 2 ** 20;

export function createContent(): Content {
  const kept = new Map<string, Uint8Array>();
  const layouts = new Map<string, Layout | InstallFailure>();
  let size = 0;
  return {
    keep(sha256, bytes) {
      if (kept.has(sha256)) return;
      // A copy of its own: the piece that came from the network may be a view of a much larger buffer.
      kept.set(sha256, Uint8Array.from(bytes));
      size += bytes.length;
      for (const [oldest, held] of kept) {
        if (size <= KEPT_BYTES || oldest === sha256) break;
        kept.delete(oldest);
        size -= held.length;
      }
    },
    bytes: (sha256) => kept.get(sha256) ?? null,
    layout(build, deviceClass) {
      const key = `${build.manifest.sha256} ${build.buildId} ${deviceClass.name} ${deviceClass.memoryBytes} ${deviceClass.executionProvider}`;
      let found = layouts.get(key);
      if (found === undefined) {
        found = read(build, deviceClass, kept.get(build.manifest.sha256));
        layouts.set(key, found);
      }
      if (found instanceof InstallFailure) throw found;
      return found;
    },
  };
}

function read(build: NonNullable<Target["build"]>, deviceClass: DeviceClass, bytes: Uint8Array | undefined): Layout | InstallFailure {
  if (bytes === undefined) return new InstallFailure("io", "the manifest is gone from the disk");
  try {
    const { manifest, variant } = readManifest(bytes, build, deviceClass);
    const refs = [...new Map([...variant.files, variant.golden].map(({ sha256, sizeBytes }) => [sha256, { sha256, sizeBytes }])).values()];
    return { content: slotContentOf(manifest, variant, build.manifest.sha256), refs };
  } catch (error) {
    if (error instanceof InstallFailure) return error;
    throw error;
  }
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
