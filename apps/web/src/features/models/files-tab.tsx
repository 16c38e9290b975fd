"use client";
import { useMutation } from "@tanstack/react-query";
import type { VersionOrigin, VersionView } from "@flotilla/fleet";
import { Download } from "lucide-react";
import { Badge } from "../../components/ui/badge.tsx";
import { IconButton } from "../../components/ui/button.tsx";
import { Card, Facts } from "../../components/ui/card.tsx";
import { CopyButton } from "../../components/ui/copy-button.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { apiGet, messageOf } from "../../lib/api-client.ts";
import { formatBytes, formatDateTime } from "../../lib/format.ts";

/** The bytes of a version, by name and digest. */
export function FilesTab({ version }: { version: VersionView }) {
  const download = useMutation({
    mutationFn: async (sha256: string) => {
      const { url } = await apiGet<{ url: string }>(`/versions/${version.id}/files/${sha256}`);
      location.assign(url);
    },
  });
  return (
    <div className="space-y-4">
      {download.isError && <ErrorNote>{messageOf(download.error)}</ErrorNote>}
      <Card title="Files" subtitle="Immutable; named by their SHA-256 everywhere" flush>
        <Table caption="Files">
          <thead><tr><Th>Name</Th><Th>Role</Th><Th numeric>Size</Th><Th>SHA-256</Th><Th><span className="sr-only">Download</span></Th></tr></thead>
          <tbody>
            {version.files.map((file) => (
              <Tr key={file.name}>
                <Td className="max-w-64 min-w-32 truncate font-medium" title={file.name}>{file.name}</Td>
                <Td><Badge>{file.role === "model" ? "model" : "external data"}</Badge></Td>
                <Td numeric className="whitespace-nowrap">{formatBytes(file.sizeBytes)}</Td>
                <Td><span className="flex items-center gap-1"><code className="min-w-40 text-xs break-all">{file.sha256}</code><CopyButton text={file.sha256} label={`Copy the SHA-256 of ${file.name}`} /></span></Td>
                <Td className="text-right"><IconButton label={`Download ${file.name}`} size="icon-sm" disabled={download.isPending} onClick={() => download.mutate(file.sha256)}><Download size={14} aria-hidden /></IconButton></Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      </Card>
      <Card title="Origin">
        <Facts
          columns={3}
          items={[
            { label: "Source", value: version.source },
            { label: "By", value: version.createdByName },
            { label: "At", value: <time dateTime={version.createdAt} suppressHydrationWarning>{formatDateTime(version.createdAt)}</time> },
            ...originFacts(version.inspection?.origin),
            { label: "Version id", value: <span className="flex items-center gap-1"><code className="text-xs break-all">{version.id}</code><CopyButton text={version.id} label="Copy the version's id" /></span> },
            { label: "Notes", value: version.notes === "" ? "none" : <span className="whitespace-pre-wrap">{version.notes}</span> },
          ]}
        />
      </Card>
    </div>
  );
}

/** What was uploaded, where that was another format than ONNX. */
function originFacts(origin: VersionOrigin | undefined) {
  if (origin === undefined) return [];
  return [
    { label: "Converted from", value: `${origin.fileName}, ${formatBytes(origin.sizeBytes)}, saved by ${origin.producer}` },
    { label: "SHA-256 of what was uploaded", value: <span className="flex items-center gap-1"><code className="text-xs break-all">{origin.sha256}</code><CopyButton text={origin.sha256} label="Copy the SHA-256 of the uploaded file" /></span> },
    ...(origin.notes.length === 0 ? [] : [{ label: "Conversion", value: origin.notes.join(" ") }]),
  ];
}
