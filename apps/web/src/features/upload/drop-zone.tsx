"use client";
import { FileUp } from "lucide-react";
import { useId, useRef } from "react";
import { cn } from "../../lib/class-names.ts";

/** A place to drop files that is also a button. Dropping itself is heard by DropAnywhere, on the whole page. */
export function DropZone({ onFiles, compact = false, disabledReason }: { onFiles: (files: readonly File[]) => void; compact?: boolean; disabledReason?: string | undefined }) {
  const input = useRef<HTMLInputElement>(null);
  const hint = useId();
  return (
    <div>
      <button
        type="button" disabled={disabledReason !== undefined} aria-describedby={hint} onClick={() => input.current?.click()}
        className={cn("flex w-full flex-col items-center justify-center gap-1 rounded-xl border-2 border-dashed border-line-strong bg-surface px-6 text-center transition-colors hover:not-disabled:border-accent-text hover:not-disabled:bg-accent-soft/40 disabled:cursor-not-allowed disabled:opacity-60", compact ? "py-5" : "py-12")}
      >
        {!compact && <span aria-hidden className="mb-2 grid size-10 place-items-center rounded-lg border bg-raised text-accent-text shadow-lift"><FileUp size={18} /></span>}
        <span className="text-sm font-medium">{compact ? "Add more files" : "Drop an ONNX model here, or choose files"}</span>
        <span id={hint} className="text-xs text-pretty text-muted">{disabledReason ?? (compact ? "External data of the model goes along with it" : "One .onnx file, with its external data files if it has any. Up to 2 GiB each. A broken line or a reload does not lose what was sent.")}</span>
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
