import type { VersionStateName, VersionView } from "@flotilla/fleet";
import { StateWord, type BadgeTone } from "../../components/ui/badge.tsx";

const WORDS: Record<VersionStateName, { word: string; tone: BadgeTone }> = {
  validating: { word: "validating", tone: "busy" },
  ready: { word: "ready", tone: "ok" },
  rejected: { word: "rejected", tone: "bad" },
};

export function VersionState({ state }: { state: VersionStateName }) {
  const { word, tone } = WORDS[state];
  return <StateWord tone={tone} word={word} />;
}

/** What a person can do about a refusal, by its code. The reason itself comes from the import. */
export function adviceFor(version: Pick<VersionView, "rejectCode">): string {
  const code = version.rejectCode ?? "";
  if (code.startsWith("keras_") && /layer|option|dtype/.test(code)) return "Convert the model to ONNX where it was trained: python -m tf2onnx.convert --keras model.h5 --output model.onnx. Then upload the .onnx file.";
  if (code.includes("external")) return "Upload the .onnx file together with all files that hold its weights, under the names that the model gives them.";
  if (code.includes("custom") || code.includes("operator") || code.includes("domain") || code.includes("unsupported")) return "Export the model with standard ONNX operators, or replace the custom ones, and upload the result as a new version.";
  if (code.includes("memory") || code.includes("time") || code.includes("limit") || code.includes("large") || code.includes("many")) return "The model is larger than this installation allows. Make it smaller, or look at it again if the machine was busy.";
  if (code.includes("crash") || code.includes("worker") || code.includes("sandbox") || code.includes("internal") || code.includes("cancel")) return "This can be a mishap on the worker's machine: look at it again. If it is refused again, the job's log says where it stopped.";
  return "Check the file with the tool that made it, export it again, and upload it as a new version.";
}
