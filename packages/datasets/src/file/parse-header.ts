import type { DatasetHeader } from "../types.ts";
import { SPLITS } from "./example-columns.ts";
import { fileDamaged } from "./file-layout.ts";

const KINDS = ["image", "tensor", "table", "audio"];
const ELEMENT_TYPES = ["uint8", "int16", "float32"];

/** The header of a file whose digest has been checked: what reading rests on is checked once more, the rest is as it was written. */
export function parseHeader(bytes: Buffer, examples: number): DatasetHeader {
  const header = parseJson(bytes);
  const isSound =
    KINDS.includes(header.kind) &&
    ELEMENT_TYPES.includes(header.elementType) &&
    Array.isArray(header.shape) &&
    header.shape.every((dimension: unknown) => dimension === null || (Number.isSafeInteger(dimension) && Number(dimension) >= 0)) &&
    Array.isArray(header.classes) &&
    SPLITS.every((split) => Number.isSafeInteger(header.counts?.[split]) && header.counts[split] >= 0) &&
    SPLITS.reduce((sum, split) => sum + header.counts[split], 0) === examples;
  if (!isSound) throw fileDamaged("its header contradicts its table");
  return header;
}

function parseJson(bytes: Buffer): DatasetHeader {
  try {
    const parsed: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof parsed === "object" && parsed !== null) return parsed as DatasetHeader;
  } catch (error) {
    throw fileDamaged("its header cannot be read", error);
  }
  throw fileDamaged("its header cannot be read");
}
