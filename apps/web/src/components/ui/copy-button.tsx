"use client";
import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { cn } from "../../lib/class-names.ts";
import { Button } from "./button.tsx";

/** Copies text; says so where it was pressed, and to screen readers. */
export function CopyButton({ text, label = "Copy", showLabel = false, className }: { text: string; label?: string; showLabel?: boolean; className?: string }) {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), 2_000);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async (): Promise<void> => setState((await copyText(text)) ? "copied" : "failed");
  const words = state === "copied" ? "Copied" : state === "failed" ? "Press Ctrl-C" : label;
  return (
    <Button kind={showLabel ? "secondary" : "quiet"} size={showLabel ? "sm" : "icon-sm"} aria-label={label} title={label} className={cn(!showLabel && "size-6", className)} onClick={() => void copy()}>
      {state === "copied" ? <Check size={13} aria-hidden className="text-ok" /> : <Copy size={13} aria-hidden />}
      {showLabel && words}
      <span role="status" className="sr-only">{state === "idle" ? "" : words}</span>
    </Button>
  );
}

/** The clipboard API exists on secure pages only; elsewhere the old way still works. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}
