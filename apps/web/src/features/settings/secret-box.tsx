"use client";
import { CopyButton } from "../../components/ui/copy-button.tsx";
import { Notice } from "../../components/ui/notice.tsx";

/** A secret that is shown this once, or a command that holds one. */
export function SecretBox({ label, text, warning }: { label: string; text: string; warning?: string }) {
  return (
    <div className="space-y-2">
      <div className="rounded-lg border bg-sunken">
        <div className="flex h-9 items-center border-b pr-1.5 pl-3"><span className="flex-1 text-xs font-medium text-muted">{label}</span><CopyButton text={text} label={`Copy ${label.toLowerCase()}`} showLabel /></div>
        <code className="block px-3 py-2.5 text-xs break-all select-all">{text}</code>
      </div>
      {warning !== undefined && <Notice tone="warn">{warning}</Notice>}
    </div>
  );
}
