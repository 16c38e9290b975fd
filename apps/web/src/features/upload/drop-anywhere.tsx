"use client";
import { Upload } from "lucide-react";
import { usePathname, useRouter } from "next/navigation";
import { useEffect, useEffectEvent, useState } from "react";
import { isCurrent } from "../../components/shell/navigation.ts";
import { useMissingRole } from "../../components/shell/person.tsx";
import { uploads } from "./browser-uploads.ts";

/** Files that are dropped on any page are taken to the upload page: of datasets where datasets are looked at, else of models. */
export function DropAnywhere() {
  const router = useRouter();
  const path = usePathname();
  const missingRole = useMissingRole("operator");
  const [over, setOver] = useState(false);
  const take = useEffectEvent((files: readonly File[]) => {
    if (missingRole !== undefined || files.length === 0) return;
    const purpose = isCurrent({ href: "/datasets" }, path) ? "dataset" : "model";
    uploads(purpose).add(files);
    const wanted = `/${purpose}s/new`;
    if (path !== wanted) router.push(wanted as "/");
  });
  useEffect(() => {
    let depth = 0;
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;
    const onEnter = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const onLeave = (): void => {
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const onOver = (event: DragEvent): void => {
      if (hasFiles(event)) event.preventDefault();
    };
    const onDrop = (event: DragEvent): void => {
      depth = 0;
      setOver(false);
      if (!hasFiles(event)) return;
      // Without this the browser would open the file and leave the app.
      event.preventDefault();
      take([...(event.dataTransfer?.files ?? [])]);
    };
    const listeners = [["dragenter", onEnter], ["dragleave", onLeave], ["dragover", onOver], ["drop", onDrop]] as const;
    for (const [name, listener] of listeners) window.addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of listeners) window.removeEventListener(name, listener as EventListener);
    };
  }, []);
  if (!over) return null;
  return (
    <div aria-hidden className="pointer-events-none fixed inset-0 z-60 grid place-items-center bg-scrim p-6">
      <div className="flex items-center gap-3 rounded-xl border-2 border-dashed border-accent-text bg-raised px-8 py-6 text-sm font-medium shadow-float">
        <Upload size={18} className="text-accent-text" />{missingRole ?? "Drop to upload"}
      </div>
    </div>
  );
}
