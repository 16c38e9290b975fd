"use client";
import { useQuery } from "@tanstack/react-query";
import type { VersionView as Version } from "@flotilla/fleet";
import { parseAsStringLiteral, useQueryState } from "nuqs";
import { useShortcuts } from "../../components/shell/shortcuts.ts";
import { Notice } from "../../components/ui/notice.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Tabs } from "../../components/ui/tabs.tsx";
import { GraphTab } from "../graph/graph-tab.tsx";
import { PreprocessingTab } from "../optimizing/preprocessing-tab.tsx";
import { ReportTab } from "../optimizing/report-tab.tsx";
import { VariantsTab } from "../optimizing/variants-tab.tsx";
import { LayersTab } from "./layers-tab.tsx";
import { FilesTab } from "./files-tab.tsx";
import { versionQuery } from "./model-queries.ts";
import { SummaryTab } from "./summary-tab.tsx";
import { UseTab } from "./use-tab.tsx";
import { RejectedPanel, ValidatingPanel } from "./verdict-panels.tsx";

const TABS = ["summary", "report", "layers", "graph", "variants", "preprocessing", "files", "use"] as const;
const LABELS: Record<(typeof TABS)[number], string> = { summary: "Summary", report: "Report", layers: "Layers", graph: "Graph", variants: "Variants", preprocessing: "Preprocessing", files: "Files & hashes", use: "Where it runs" };

/** One version: what the import found, its files, and where it runs. Follows the import while it goes on. */
export function VersionView({ id }: { id: string }) {
  const version = useQuery(versionQuery(id));
  return <QueryView query={version} what="The version could not be loaded" loading={<Skeleton className="h-64 w-full" />}>{(data) => <VersionTabs version={data} />}</QueryView>;
}

function VersionTabs({ version }: { version: Version }) {
  const [tab, setTab] = useQueryState("tab", parseAsStringLiteral(TABS).withDefault("summary"));
  useShortcuts("Version", TABS.map((name, index) => ({ keys: String(index + 1), label: LABELS[name], run: () => void setTab(name) })));
  const content: Record<(typeof TABS)[number], React.ReactNode> = {
    summary: <SummaryTab version={version} />,
    report: <ReportTab version={version} />,
    layers: <LayersTab version={version} />,
    graph: <GraphTab version={version} />,
    variants: <VariantsTab version={version} />,
    preprocessing: <PreprocessingTab version={version} />,
    files: <FilesTab version={version} />,
    use: <UseTab version={version} />,
  };
  return (
    <div className="space-y-4">
      {version.state === "validating" && <ValidatingPanel version={version} />}
      {version.state === "rejected" && <RejectedPanel version={version} />}
      {!version.offered && <Notice tone="warn" title="Not offered for builds: it is kept for its numbers">{version.notOfferedReason}</Notice>}
      <Tabs label="Version" value={tab} onChange={(value) => void setTab(value as (typeof TABS)[number])} tabs={TABS.map((name) => ({ value: name, label: LABELS[name], content: content[name] }))} />
    </div>
  );
}
