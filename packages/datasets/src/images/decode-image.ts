import sharp from "sharp";
import { DatasetRefusal } from "../dataset-refusal.ts";
import type { ImageFacts } from "./image-facts.ts";
import { imageFacts } from "./image-facts.ts";

// libvips can read far more than people should be able to upload: SVG and PDF fetch and run things, TIFF and HEIF have long histories of holes.
// Everything is off but four loaders, for the whole process.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({ operation: ["VipsForeignLoadPngBuffer", "VipsForeignLoadJpegBuffer", "VipsForeignLoadWebpBuffer", "VipsForeignLoadNsgifBuffer"] });
// The same file is never decoded twice in a row here; a cache would only hold memory.
sharp.cache(false);
sharp.concurrency(1);

type DecodedImage = {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
};

const FORMATS = "PNG, JPEG, WebP and GIF";

/** Size and format by content. Throws DatasetRefusal `image_format`, `image_too_large`. */
export function checkedImageFacts(bytes: Uint8Array, maxPixels: number): ImageFacts {
  const facts = imageFacts(bytes);
  if (facts === null) throw new DatasetRefusal("image_format", `Only ${FORMATS} images are read, told by their content, not by their names. Convert the others or take them out.`);
  if (facts.width * facts.height > maxPixels) {
    throw new DatasetRefusal("image_too_large", `Images may have ${Math.round(maxPixels / 1e6).toLocaleString("en-US")} megapixels. Shrink larger ones before the upload.`);
  }
  return facts;
}

/**
 * 8-bit grey or RGB rows, turned upright by the camera's note. The first frame of an animation; alpha is dropped, not blended; colour profiles are
 * ignored (as training code does); CMYK goes to RGB, 16 bits to 8. Throws DatasetRefusal `image_unreadable` too.
 */
export async function decodeImage(bytes: Uint8Array, maxPixels: number): Promise<DecodedImage> {
  const facts = checkedImageFacts(bytes, maxPixels);
  try {
    const { data, info } = await sharp(bytes, { failOn: "error", limitInputPixels: maxPixels, limitInputChannels: 5, ignoreIcc: true, sequentialRead: true, pages: 1 })
      .autoOrient()
      .removeAlpha()
      .toColourspace(facts.isGrey ? "b-w" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 1 && info.channels !== 3) throw new Error(`decoded to ${info.channels} channels`);
    return { pixels: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), width: info.width, height: info.height, channels: info.channels };
  } catch (error) {
    throw new DatasetRefusal("image_unreadable", "Images must be whole and undamaged. Export the damaged ones again or take them out.", { cause: error });
  }
}
