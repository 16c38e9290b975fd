import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { demoConvNet } from "@flotilla/runtime";

/** A real model for the whole path: SqueezeNet (ImageNet) where the shared models lie beside the project, else a network the project makes itself. */
export function realModel(): { name: string; filename: string; bytes: Uint8Array } {
  const shared = process.env["FLOTILLA_SHARED_DIR"] ?? fileURLToPath(new URL("../../../shared", import.meta.url));
  const path = `${shared}/models/squeezenet-fp16.onnx`;
  if (existsSync(path)) return { name: "squeezenet", filename: "squeezenet-fp16.onnx", bytes: readFileSync(path) };
  console.info(`squeezenet-fp16.onnx is not at ${path}: using a network made by the project`);
  return { name: "squeezenet-stand-in", filename: "stand-in.onnx", bytes: demoConvNet({ seed: 1 }) };
}
