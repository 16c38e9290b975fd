"use client";
import { Check, FileBox, Pause, Play, RotateCw, X } from "lucide-react";
import { useRef } from "react";
import { Button, IconButton } from "../../components/ui/button.tsx";
import { Progress } from "../../components/ui/progress.tsx";
import { formatBytes, formatDuration, formatPercent, formatRate } from "../../lib/format.ts";
import { uploads, type UploadPurpose } from "./browser-uploads.ts";
import { isUnderWay, secondsLeft, sentShare, type UploadItem } from "./upload-item.ts";

/** One file: how far it is, how fast, how long still; pause, go on, remove. */
export function UploadRow({ item, purpose = "model", onRemove }: { item: UploadItem; purpose?: UploadPurpose; onRemove: () => void }) {
  const picker = useRef<HTMLInputElement>(null);
  return (
    <li className="flex items-start gap-3 border-b px-4 py-3 last:border-b-0">
      <FileBox size={16} aria-hidden className="mt-0.5 shrink-0 text-muted" />
      <div className="min-w-0 flex-1">
        <div className="flex items-baseline gap-2">
          <p className="min-w-0 flex-1 truncate font-medium" title={item.filename}>{item.filename}</p>
          <span className="shrink-0 text-xs text-muted tabular">{formatBytes(item.sizeBytes)}</span>
        </div>
        <Progress value={barOf(item)} tone={toneOf(item)} label={`${item.filename}: ${wordsOf(item)}`} className="mt-1.5" />
        <p className="mt-1 text-xs text-muted tabular" role="status">
          {item.phase === "done" && <Check size={12} aria-hidden className="mr-1 inline text-ok" />}
          {wordsOf(item)}
        </p>
        {item.problem !== null && item.phase === "failed" && <p role="alert" className="mt-1 text-xs text-bad">{item.problem}</p>}
      </div>
      <div className="flex items-center">
        {isUnderWay(item) && <IconButton label={`Pause ${item.filename}`} size="icon-sm" onClick={() => uploads(purpose).pause(item.key)}><Pause size={14} aria-hidden /></IconButton>}
        {item.paused && <IconButton label={`Resume ${item.filename}`} size="icon-sm" onClick={() => uploads(purpose).resume(item.key)}><Play size={14} aria-hidden /></IconButton>}
        {item.phase === "failed" && <IconButton label={`Try ${item.filename} again`} size="icon-sm" onClick={() => uploads(purpose).resume(item.key)}><RotateCw size={14} aria-hidden /></IconButton>}
        {item.phase === "needs_file" && (
          <>
            <Button size="sm" onClick={() => picker.current?.click()}>Choose the file again</Button>
            <input ref={picker} type="file" className="sr-only" tabIndex={-1} aria-label={`Choose ${item.filename} again`} onChange={(event) => uploads(purpose).add([...(event.target.files ?? [])])} />
          </>
        )}
        <IconButton label={`Remove ${item.filename}`} size="icon-sm" onClick={onRemove}><X size={14} aria-hidden /></IconButton>
      </div>
    </li>
  );
}

function barOf(item: UploadItem): number | null {
  if (item.phase === "hashing") return item.sizeBytes === 0 ? null : item.hashedBytes / item.sizeBytes;
  if (item.phase === "announcing") return null;
  return sentShare(item);
}

function toneOf(item: UploadItem): "accent" | "ok" | "bad" | "muted" {
  if (item.phase === "done") return "ok";
  if (item.phase === "failed") return "bad";
  return item.phase === "hashing" || item.paused || item.phase === "needs_file" ? "muted" : "accent";
}

function wordsOf(item: UploadItem): string {
  const sent = `${formatBytes(item.sentBytes)} of ${formatBytes(item.sizeBytes)} (${formatPercent(sentShare(item) * 100)})`;
  if (item.paused) return item.sentBytes > 0 ? `Paused at ${sent}` : "Paused";
  switch (item.phase) {
    case "needs_file":
      return `Begun before this page was loaded: ${sent}. Choose the same file to go on.`;
    case "hashing":
      return `Reading the file to know its SHA-256: ${formatPercent((item.hashedBytes / Math.max(1, item.sizeBytes)) * 100)}`;
    case "announcing":
      return "Asking whether it is here already…";
    case "sending": {
      const seconds = secondsLeft(item);
      return [sent, item.bytesPerSecond !== null && formatRate(item.bytesPerSecond), seconds !== null && `${formatDuration(seconds * 1000)} left`].filter(Boolean).join(" · ");
    }
    case "waiting":
      return `${item.problem ?? "The line is lost."} Trying again by itself; ${sent} are safe.`;
    case "completing":
      return "Everything is sent; the server checks the SHA-256…";
    case "done":
      return item.duplicate ? "These bytes were here already; nothing had to be sent" : "Arrived, SHA-256 is right";
    case "failed":
      return "Not uploaded";
  }
}
