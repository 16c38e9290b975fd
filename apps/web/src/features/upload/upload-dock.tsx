"use client";
import { usePathname } from "next/navigation";
import { LinkButton } from "../../components/ui/button.tsx";
import { Progress } from "../../components/ui/progress.tsx";
import { formatNoun } from "../../lib/format.ts";
import { isUnderWay, sentShare } from "./upload-item.ts";
import { useLeaveWarning, useUploads } from "./use-uploads.ts";

/** What is being sent while somebody looks at another page. */
export function UploadDock() {
  const items = useUploads();
  const path = usePathname();
  useLeaveWarning(items);
  const underWay = items.filter(isUnderWay);
  if (underWay.length === 0 || path === "/models/new") return null;
  const total = underWay.reduce((sum, item) => sum + item.sizeBytes, 0);
  const sent = underWay.reduce((sum, item) => sum + sentShare(item) * item.sizeBytes, 0);
  const [first] = underWay;
  const title = underWay.length === 1 && first !== undefined ? first.filename : formatNoun(underWay.length, "file");
  return (
    <aside aria-label="Uploads" className="fixed right-4 bottom-4 z-30 w-72 rounded-lg border bg-raised p-3 shadow-float max-lg:bottom-18">
      <div className="flex items-center gap-2">
        <p className="min-w-0 flex-1 truncate text-xs font-medium">Uploading {title}</p>
        <LinkButton href={"/models/new" as "/"} size="sm" kind="quiet">Open</LinkButton>
      </div>
      <Progress value={total === 0 ? null : sent / total} label={`Uploading ${title}`} className="mt-2" />
    </aside>
  );
}
