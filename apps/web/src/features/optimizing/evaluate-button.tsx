"use client";
import { useMutation } from "@tanstack/react-query";
import type { DatasetVersionView, JobView, Split, VersionView } from "@flotilla/fleet";
import { Target } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Dialog, DialogClose } from "../../components/ui/dialog.tsx";
import { Field, Select } from "../../components/ui/field.tsx";
import { ErrorNote, Notice } from "../../components/ui/notice.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { DatasetVersionPicker } from "../datasets/dataset-version-picker.tsx";
import { splitNames } from "../datasets/dataset-words.tsx";

/** Counts the right answers of a version on a split, and goes to that job. */
export function EvaluateButton({ version }: { version: VersionView }) {
  const router = useRouter();
  const missingRole = useMissingRole("operator");
  const [open, setOpen] = useState(false);
  const [dataset, setDataset] = useState<DatasetVersionView | null>(null);
  const [split, setSplit] = useState<Split>("test");
  const start = useMutation({
    mutationFn: () => apiSend<JobView>("POST", "/jobs", { kind: "evaluate", versionId: version.id, datasetVersionId: dataset?.id, split }),
    onSuccess: (job) => router.push(`/jobs/${job.id}` as Route),
  });
  const empty = dataset?.summary != null && dataset.summary.counts[split] === 0;
  return (
    <>
      <Button disabled={missingRole !== undefined} title={missingRole} onClick={() => setOpen(true)}><Target size={14} aria-hidden />Evaluate…</Button>
      <Dialog
        open={open} onOpenChange={setOpen} title="Evaluate" description="Runs the version on every example of a split and counts right answers, with an interval."
        footer={<><DialogClose>Cancel</DialogClose><Button kind="primary" busy={start.isPending || start.isSuccess} disabled={dataset === null || empty || version.preprocessing === null} onClick={() => start.mutate()}>Start</Button></>}
      >
        <div className="space-y-4">
          {version.preprocessing === null && <MissingPreprocessing version={version} onLeave={() => setOpen(false)} />}
          <DatasetVersionPicker value={dataset} none="Choose…" onChange={setDataset} />
          <Field label="Split" hint={empty ? "This split has no examples." : "What is reported comes from the test split."}><Select value={split} onChange={(event) => setSplit(event.target.value as Split)}>{splitNames.map((name) => <option key={name}>{name}</option>)}</Select></Field>
          {start.isError && <ErrorNote>{messageOf(start.error)}</ErrorNote>}
        </div>
      </Dialog>
    </>
  );
}

/** Says where the step is that must come first. */
export function MissingPreprocessing({ version, onLeave }: { version: Pick<VersionView, "modelId" | "number">; onLeave?: () => void }) {
  return (
    <Notice tone="warn" title="Preprocessing is missing">
      Say first how an example becomes the model's input, <Link href={`/models/${version.modelId}/v/${version.number}?tab=preprocessing` as Route} className="text-ink underline underline-offset-2" {...(onLeave && { onClick: onLeave })}>under Preprocessing</Link>.
    </Notice>
  );
}
