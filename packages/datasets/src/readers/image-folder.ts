import { DatasetRefusal } from "../dataset-refusal.ts";
import { Gate } from "../images/gate.ts";
import { checkedImageFacts, decodeImage } from "../images/decode-image.ts";
import type { RawDataset, RawExample } from "../raw-example.ts";
import type { SourceFile } from "../source/source-file.ts";
import { folderPlaces, groupOf, isLitter, type FolderPlace } from "./folder-layout.ts";
import { mapOrdered } from "./map-ordered.ts";
import type { ReaderContext } from "./reader-context.ts";

/** What looks like an image by its name. Formats beyond the four are named here so that they are reported, not passed over in silence. */
export const IMAGE_NAME = /\.(png|jpe?g|jfif|webp|gif|bmp|tiff?|svgz?|avif|hei[cf]|jxl|jp2|ppm|pgm|pdf|ico)$/i;

/** Decoded pixels up to this size are stored; larger images keep their own bytes, which are a tenth of it, and are decoded when read. */
const RAW_BYTES = 64 * 1024;
const FILES_AT_ONCE = 8;
const PIXELS_IN_FLIGHT = 64_000_000;

/** Images in folders: `[train|validation|test|…/]class/…/image.png`; without folders they have no label. */
export function readImageFolder(context: ReaderContext): RawDataset {
  const images = context.files.filter((file) => IMAGE_NAME.test(file.name) && !isLitter(file.name));
  for (const file of context.files) {
    if (!IMAGE_NAME.test(file.name) && !isLitter(file.name)) context.defects.note("file_ignored", "Files that are no images were passed over.", file.name);
  }
  return { format: "image-folder", kind: "image", elementType: "uint8", shape: [], features: null, sampleRateHz: null, examples: readImages(images, context) };
}

async function* readImages(files: readonly SourceFile[], context: ReaderContext): AsyncIterable<RawExample> {
  const places = folderPlaces(files.map((file) => file.name));
  const areLabelled = places.some((place) => place.className !== null);
  const gate = new Gate(PIXELS_IN_FLIGHT);
  const work = files.map((file, at) => ({ file, place: places[at] ?? { name: file.name, className: null, split: null } }));
  const results = mapOrdered(work, FILES_AT_ONCE, async ({ file, place }) => {
    try {
      return await readImage(file, place, gate, context);
    } catch (error) {
      if (error instanceof DatasetRefusal && isDefect(error)) return { defect: error, name: file.name };
      throw error;
    }
  });
  for await (const result of results) {
    if ("defect" in result) {
      context.defects.leaveOut(result.defect.code, result.defect.reason, result.name, files.length);
      continue;
    }
    if (areLabelled && result.label === null) context.defects.note("unlabelled", "Some images lie in no class folder; they have no label.", result.id);
    yield result;
  }
}

/** Faults of one image; faults of the archive end everything. */
function isDefect({ code }: DatasetRefusal): boolean {
  return code === "image_unreadable" || code === "image_too_large" || code === "image_format";
}

async function readImage(file: SourceFile, place: FolderPlace, gate: Gate, { limits, options }: ReaderContext): Promise<RawExample> {
  const bytes = await file.bytes();
  const facts = checkedImageFacts(bytes, limits.imagePixels);
  const { pixels, width, height, channels } = await gate.run(facts.width * facts.height, () => decodeImage(bytes, limits.imagePixels));
  const isStoredRaw = pixels.byteLength <= RAW_BYTES;
  return {
    id: file.name,
    payload: isStoredRaw ? pixels : bytes,
    encoding: isStoredRaw ? "raw" : "image",
    size: { width, height, channels },
    label: place.className,
    split: place.split,
    group: groupOf(file.name, options.groupPrefix),
  };
}
