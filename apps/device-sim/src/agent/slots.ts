import { buildManifestSchema, modelFileOf, selectVariant, type BuildManifest, type DeviceClass, type Target, type Variant } from "@flotilla/protocol";
import { z } from "zod";
import type { Blobs } from "./blobs.ts";
import type { Disk } from "./disk.ts";
import { InstallFailure } from "./install-failure.ts";
import type { ModelFiles } from "./model.ts";
import type { SlotContent, SlotName } from "./state.ts";

/** A manifest is a list of digests; more than this is not one. */
export const MANIFEST_MAX_BYTES = 1_048_576;

/** The manifest in `bytes` (their digest has been checked) and the variant this device takes. Throws `InstallFailure`. */
export function readManifest(bytes: Uint8Array, build: NonNullable<Target["build"]>, device: DeviceClass): { manifest: BuildManifest; variant: Variant } {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new InstallFailure("manifest_invalid", "the manifest is not JSON");
  }
  const parsed = buildManifestSchema.safeParse(json);
  if (!parsed.success) throw new InstallFailure("manifest_invalid", z.prettifyError(parsed.error));
  const manifest = parsed.data;
  if (manifest.buildId !== build.buildId) throw new InstallFailure("manifest_invalid", `the manifest is of build ${manifest.buildId}, the target names ${build.buildId}`);
  const choice = selectVariant(manifest, device);
  if (choice.kind === "no_variant") throw new InstallFailure("incompatible", choice.sentence);
  checkVariant(choice.variant);
  return { manifest, variant: choice.variant };
}

function checkVariant(variant: Variant): void {
  const names = variant.files.map((file) => file.name.toLowerCase());
  if (new Set(names).size !== names.length) throw new InstallFailure("manifest_invalid", "two files of the variant have the same name");
  if (variant.files.filter((file) => file.role === "model").length !== 1) throw new InstallFailure("manifest_invalid", "a variant has exactly one model file");
}

/** What a slot will hold once this build is laid out in it. */
export function slotContentOf(manifest: BuildManifest, variant: Variant, manifestSha256: string): SlotContent {
  const model = modelFileOf(variant);
  return {
    buildId: manifest.buildId,
    buildName: manifest.name,
    manifestSha256,
    versionId: variant.versionId,
    modelName: variant.modelName,
    modelFile: model.name,
    modelSha256: model.sha256,
    files: variant.files.map(({ name, sha256, sizeBytes }) => ({ name, sha256, sizeBytes })),
    goldenSha256: variant.golden.sha256,
    relativeTolerance: variant.golden.relativeTolerance,
    absoluteTolerance: variant.golden.absoluteTolerance,
    requiredMemoryBytes: variant.requiredMemoryBytes,
    intraOpThreads: manifest.settings.intraOpThreads,
    executionProviders: manifest.settings.executionProviders,
  };
}

const folderOf = (slot: SlotName): string => `slots/${slot}`;
const filesOf = (slot: SlotName): string => `slots/${slot}/files`;

/** Lays the blobs of `content` out in the slot's folder, durably. What lay there before goes. */
export async function writeSlot(disk: Disk, blobs: Blobs, slot: SlotName, content: SlotContent): Promise<void> {
  await disk.removeTree(folderOf(slot));
  await disk.makeDirectory(filesOf(slot));
  for (const file of content.files) await disk.link(blobs.nameOf(file.sha256), `${filesOf(slot)}/${file.name}`);
  await disk.link(blobs.nameOf(content.manifestSha256), `${folderOf(slot)}/manifest.json`);
  await disk.link(blobs.nameOf(content.goldenSha256), `${folderOf(slot)}/golden`);
  for (const folder of [filesOf(slot), folderOf(slot), "slots"]) await disk.syncDirectory(folder);
}

/** Reads every file of the slot back from the disk; the sentence says what is wrong, null when all digests are right. */
export async function slotDamage(disk: Disk, slot: SlotName, content: SlotContent): Promise<string | null> {
  const wanted: [string, string][] = [
    ...content.files.map((file): [string, string] => [`${filesOf(slot)}/${file.name}`, file.sha256]),
    [`${folderOf(slot)}/manifest.json`, content.manifestSha256],
    [`${folderOf(slot)}/golden`, content.goldenSha256],
  ];
  for (const [name, sha256] of wanted) {
    const found = await disk.digest(name);
    if (found === null) return `${name} is missing`;
    if (found.sha256 !== sha256) return `${name} has digest ${found.sha256} instead of ${sha256}`;
  }
  return null;
}

/** Paths for the runtime. */
export function modelFilesOf(disk: Disk, slot: SlotName, content: SlotContent): ModelFiles {
  return { modelPath: disk.absolute(`${filesOf(slot)}/${content.modelFile}`), goldenPath: disk.absolute(`${folderOf(slot)}/golden`), content };
}

/** Digests a slot needs to stay in the blob folder. */
export function digestsOf(content: SlotContent): string[] {
  return [...content.files.map((file) => file.sha256), content.manifestSha256, content.goldenSha256];
}
