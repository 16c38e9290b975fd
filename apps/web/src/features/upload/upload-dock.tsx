"use client";
import { usePathname } from "next/navigation";
import { LinkButton } from "../../components/ui/button.tsx";
import { Progress } from "../../components/ui/progress.tsx";
import { formatNoun } from "../../lib/format.ts";
import { isUnderWay, sentShare } from "./upload-item.ts";
import { useLeaveWarning, useUploads } from "./use-uploads.ts";

/** What is being sent while somebody looks at another page. */
export function UploadDock() {
  const models = useUploads("model").filter(isUnderWay);
  const datasets = useUploads("dataset").filter(isUnderWay);
  const path = usePathname();
  useLeaveWarning([...models, ...datasets]);
  // What the page itself shows is left out.
  const underWay = [...(path === "/models/new" ? [] : models), ...(path === "/datasets/new" ? [] : datasets)];
  if (underWay.length === 0) return null;
  const href = underWay.some((item) => models.includes(item)) ? "/models/new" : "/datasets/new";
  const total = underWay.reduce((sum, item) => sum + item.sizeBytes, 0);
  const sent = underWay.reduce((sum, item) => sum + sentShare(item) * item.sizeBytes, 0);
  const [first] = underWay;
  const title = underWay.length === 1 && first !== undefined ? first.filename : formatNoun(underWay.length, "file");
  return (
    <aside aria-label="Uploads" className="fixed right-4 bottom-4 z-30 w-72 rounded-lg border bg-raised p-3 shadow-float max-lg:bottom-18">
      <div className="flex items-center gap-2">
        <p className="min-w-0 flex-1 truncate text-xs font-medium">Uploading {title}</p>
        <LinkButton href={href as "/"} size="sm" kind="quiet">Open</LinkButton>
      </div>
      <Progress value={total === 0 ? null : sent / total} label={`Uploading ${title}`} className="mt-2" />
    </aside>
  );
}
