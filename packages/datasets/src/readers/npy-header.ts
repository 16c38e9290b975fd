import { DatasetRefusal, quoted } from "../dataset-refusal.ts";
import type { ArraySource } from "./array-source.ts";

const DESCR = /^([<>|=])([a-zA-Z])(\d{1,6})(\[.*)?$/;
const NUMBER_KINDS: Readonly<Record<string, "uint" | "int" | "float" | "bool">> = { u: "uint", i: "int", f: "float", b: "bool" };

/**
 * The dictionary of an NPY header: exactly the keys descr, fortran_order and shape, in any order, as numpy.save writes them. Own reader of that one
 * literal; nothing is evaluated. Throws DatasetRefusal.
 */
export function parseNpyHeader(text: string, name: string): Pick<ArraySource, "type" | "shape" | "isFortran"> {
  const malformed = new DatasetRefusal("npy_malformed", `The header of ${quoted(name)} is not what numpy.save writes. Save it again.`);
  if (/['"]descr['"]\s*:\s*\[/.test(text)) throw new DatasetRefusal("npy_type", `${quoted(name)} holds records with named fields. Save one plain array per field.`);
  const match = /^\s*\{(.*)\}\s*$/s.exec(text);
  if (!match) throw malformed;
  const values = new Map<string, string>();
  let rest = (match[1] ?? "").trim();
  while (rest !== "") {
    const item = /^(['"])(\w+)\1\s*:\s*('[^']*'|"[^"]*"|True|False|\([\d\sL,]*\))\s*(?:,\s*|$)/.exec(rest);
    if (!item || values.has(item[2] ?? "")) throw malformed;
    values.set(item[2] ?? "", item[3] ?? "");
    rest = rest.slice(item[0].length);
  }
  const descr = values.get("descr")?.slice(1, -1);
  const order = values.get("fortran_order");
  const shape = values.get("shape");
  if (descr === undefined || order === undefined || shape === undefined || values.size !== 3 || !shape.startsWith("(")) throw malformed;
  const dimensions = shape.slice(1, -1).split(",").map((part) => part.trim()).filter((part) => part !== "");
  if (!dimensions.every((part) => /^\d{1,15}L?$/.test(part))) throw malformed;
  return { type: elementType(descr, name), shape: dimensions.map((part) => Number(part.replace("L", ""))), isFortran: order === "True" };
}

function elementType(descr: string, name: string): ArraySource["type"] {
  const match = DESCR.exec(descr);
  const letter = match?.[2] ?? "";
  if (/^[<>|=]?O/.test(descr)) {
    throw new DatasetRefusal("npy_pickle", `${quoted(name)} holds Python objects, which are stored as a pickle: a program, and never run here. Make it a number array first: numpy.asarray(x, dtype="float32").`);
  }
  const bytes = Number(match?.[3]);
  const isLittleEndian = match?.[1] !== ">";
  const kind = NUMBER_KINDS[letter];
  if (kind !== undefined && match?.[4] === undefined && isWidth(bytes) && !(kind === "float" && bytes === 1) && !(kind === "bool" && bytes !== 1)) return { kind, bytes, isLittleEndian };
  if ((letter === "U" || letter === "S") && bytes >= 1 && bytes <= 1_024) return { kind: "text", bytes: letter === "U" ? bytes * 4 : bytes, isUtf32: letter === "U", isLittleEndian };
  throw new DatasetRefusal("npy_type", `${quoted(name)} holds elements of type ${quoted(descr)}. Whole numbers, float16, float32, float64 and bool are read: convert it with x.astype("float32").`);
}

function isWidth(bytes: number): bytes is 1 | 2 | 4 | 8 {
  return bytes === 1 || bytes === 2 || bytes === 4 || bytes === 8;
}
