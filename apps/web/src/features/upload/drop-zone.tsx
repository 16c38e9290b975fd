"use client";
import { FileUp } from "lucide-react";
import { useId, useRef } from "react";
import { cn } from "../../lib/class-names.ts";
import type { UploadPurpose } from "./browser-uploads.ts";

const WORDS: Record<UploadPurpose, { title: string; hint: string; more: string }> = {
  model: {
    title: "Drop an ONNX or Keras model here, or choose files",
    hint: "One .onnx file, with its external data files if it has any, or one .h5 or .keras file. Up to 2 GiB each. A broken line or a reload does not lose what was sent.",
    more: "External data of the model goes along with it",
  },
  dataset: {
    title: "Drop examples here, or choose files",
    hint: "A ZIP with a folder per class, an NPZ, a CSV, or the images and labels of IDX or NPY together. A broken line or a reload does not lose what was sent.",
    more: "IDX and NPY have images and labels in files of their own",
  },
};

/** A place to drop files that is also a button. Dropping itself is heard by DropAnywhere, on the whole page. */
export function DropZone({ onFiles, compact = false, disabledReason, purpose = "model" }: { onFiles: (files: readonly File[]) => void; compact?: boolean; disabledReason?: string | undefined; purpose?: UploadPurpose }) {
  const input = useRef<HTMLInputElement>(null);
  const hint = useId();
  return (
    <div>
      <button
        type="button" disabled={disabledReason !== undefined} aria-describedby={hint} onClick={() => input.current?.click()}
        className={cn("flex w-full flex-col items-center justify-center gap-1 rounded-xl border-2 border-dashed border-line-strong bg-surface px-6 text-center transition-colors hover:not-disabled:border-accent-text hover:not-disabled:bg-accent-soft/40 disabled:cursor-not-allowed disabled:opacity-60", compact ? "py-5" : "py-12")}
      >
        {!compact && <span aria-hidden className="mb-2 grid size-10 place-items-center rounded-lg border bg-raised text-accent-text shadow-lift"><FileUp size={18} /></span>}
        <span className="text-sm font-medium">{compact ? "Add more files" : WORDS[purpose].title}</span>
        <span id={hint} className="text-xs text-pretty text-muted">{disabledReason ?? (compact ? WORDS[purpose].more : WORDS[purpose].hint)}</span>
      </button>
      <input
        ref={input} type="file" multiple className="sr-only" tabIndex={-1} aria-label="Choose files"
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          // The same file can be chosen again.
          event.target.value = "";
        }}
      />
    </div>
  );
}
