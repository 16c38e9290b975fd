"use client";
import { Upload } from "lucide-react";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Button } from "../../components/ui/button.tsx";

/** To the upload page, with this model chosen. */
export function UploadVersionLink({ modelId, kind = "secondary" }: { modelId: string; kind?: "primary" | "secondary" }) {
  const router = useRouter();
  const missingRole = useMissingRole("operator");
  return (
    <Button kind={kind} disabled={missingRole !== undefined} title={missingRole} onClick={() => router.push(`/models/new?model=${modelId}` as Route)}>
      <Upload size={14} aria-hidden />Upload version
    </Button>
  );
}
