"use client";
import { useEffect, useSyncExternalStore } from "react";
import { uploads, type UploadPurpose } from "./browser-uploads.ts";
import { isUnderWay, type UploadItem } from "./upload-item.ts";

const NONE: readonly UploadItem[] = [];

/** The uploads of this tab, fresh with every step they make. */
export function useUploads(purpose: UploadPurpose = "model"): readonly UploadItem[] {
  return useSyncExternalStore((onChange) => uploads(purpose).subscribe(onChange), () => uploads(purpose).items(), () => NONE);
}

/** Asks once before the tab is closed while something is being sent. */
export function useLeaveWarning(items: readonly UploadItem[]): void {
  const busy = items.some(isUnderWay);
  useEffect(() => {
    if (!busy) return;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [busy]);
}
