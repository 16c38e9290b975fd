import type { UploadItem } from "./upload-item.ts";

type Named = Pick<UploadItem, "filename">;

const isOnnx = ({ filename }: Named): boolean => /\.onnx$/i.test(filename);

/** Why these files cannot be one version; null when they can. The server decides the same again (packages/fleet, planFiles). */
export function setProblem(items: readonly Named[]): string | null {
  const models = items.filter(isOnnx);
  if (models.length > 1) return `There are ${models.length} .onnx files; a version has one. Remove the others and upload them by themselves.`;
  if (models.length === 0 && items.length > 1) return "None of these files is an .onnx model, so it is not clear which one to open.";
  const names = items.map((item) => item.filename.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? null : `Two files are called ${twice}.`;
}

/** A name for the model, from the name of its file: "SqueezeNet-fp16 (2).onnx" → "squeezenet-fp16". */
export function modelNameFor(items: readonly Named[]): string {
  const model = items.find(isOnnx) ?? items[0];
  if (model === undefined) return "";
  return model.filename
    .replace(/\.[^.]+$/, "")
    .replace(/\s*\(\d+\)$/, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 100);
}
