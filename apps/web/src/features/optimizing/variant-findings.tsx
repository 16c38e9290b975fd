"use client";
import type { VariantReport } from "@flotilla/fleet";
import { Card } from "../../components/ui/card.tsx";
import { Notice } from "../../components/ui/notice.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatBytes, formatCount, formatNoun, formatPercent } from "../../lib/format.ts";
import { formatAccuracy, formatRatio, Measured, shareNote } from "./number-words.tsx";

/** What the optimization learned of a variant while it made it. */
export function VariantFindings({ variant }: { variant: VariantReport }) {
  return (
    <>
      {variant.warnings.length > 0 && <Notice tone="warn" title="To know before you use it"><ul className="mt-1 list-disc space-y-1 pl-4">{variant.warnings.map((warning) => <li key={warning}>{warning}</li>)}</ul></Notice>}
      <Card title="Beside its parent"><SizeAndAgreement variant={variant} /></Card>
      {variant.fusion !== null && <Fusion fusion={variant.fusion} />}
      {variant.saturation !== null && <Saturation saturation={variant.saturation} />}
      {variant.passes.length > 0 && <Passes passes={variant.passes} />}
    </>
  );
}

function SizeAndAgreement({ variant: { size, agreement } }: { variant: VariantReport }) {
  return (
    <dl className="grid gap-4 sm:grid-cols-2 lg:grid-cols-4">
      <Measured label="Size on disk" value={formatBytes(size.bytes)} how={`${formatRatio(size.bytes / size.parentBytes)} of ${formatBytes(size.parentBytes)}; ${size.method}`} />
      <Measured label="Compressed, to send" value={formatBytes(size.compressedBytes)} how={`${formatRatio(size.compressedBytes / size.parentCompressedBytes)} of ${formatBytes(size.parentCompressedBytes)}`} />
      {agreement !== null && <Measured label="Same first choice" value={formatAccuracy(agreement.top1)} how={`n = ${formatCount(agreement.n)}; ${agreement.method}`} />}
      {agreement !== null && <Measured label="Cosine, largest error" value={`${agreement.cosine === null ? "–" : agreement.cosine.toFixed(5)}, ${agreement.maxAbsError === null ? "–" : Number(agreement.maxAbsError.toPrecision(3))}`} how={`outputs beside the parent's, n = ${formatCount(agreement.n)}`} />}
    </dl>
  );
}

function Fusion({ fusion }: { fusion: NonNullable<VariantReport["fusion"]> }) {
  const share = fusion.integerTimeShare === null ? "" : `, ${formatPercent(fusion.integerTimeShare * 100)} of the time in integer kernels`;
  return (
    <Card title="What runs in integers" subtitle={`${formatNoun(fusion.integerNodes, "integer node")}, ${formatCount(fusion.floatNodes.length)} in float, ${formatNoun(fusion.conversionNodes, "conversion")}${share}`} flush>
      <p className="px-4 py-2 text-xs text-pretty text-muted">{fusion.method}</p>
      {fusion.floatNodes.length > 0 && (
        <div className="max-h-72 overflow-y-auto border-t">
          <Table caption="Nodes that stayed in float">
            <thead><tr><Th>Stayed in float</Th><Th>Operator</Th><Th>Why</Th></tr></thead>
            <tbody>{fusion.floatNodes.map((node) => <Tr key={node.name}><Td className="max-w-64 truncate font-mono text-xs" title={node.name}>{node.name}</Td><Td>{node.opType}</Td><Td className="min-w-48 text-muted">{node.reason}</Td></Tr>)}</tbody>
          </Table>
        </div>
      )}
    </Card>
  );
}

function Saturation({ saturation }: { saturation: NonNullable<VariantReport["saturation"]> }) {
  return (
    <Card title="On x86 CPUs without VNNI" subtitle="predicted, not measured">
      <p className="mb-3 text-pretty">{saturation.sentence}</p>
      <dl className="grid gap-4 sm:grid-cols-3">
        <Measured label={saturation.agreement === null && saturation.accuracy === null ? "Nodes that can saturate" : "Nodes that saturate"} value={formatCount(saturation.saturatedNodes)} how={saturation.method} />
        {saturation.accuracy !== null && <Measured label="Accuracy there" value={formatAccuracy(saturation.accuracy.value)} how={shareNote(saturation.accuracy)} />}
        {saturation.agreement !== null && <Measured label="Same answer as with VNNI" value={formatAccuracy(saturation.agreement.value)} how={shareNote(saturation.agreement)} />}
      </dl>
    </Card>
  );
}

function Passes({ passes }: { passes: VariantReport["passes"] }) {
  return (
    <Card title="What was done, in order" flush>
      <Table caption="Passes">
        <thead><tr><Th numeric>#</Th><Th>Pass</Th><Th numeric>Changes</Th><Th>Effect</Th></tr></thead>
        <tbody>{passes.map((pass, position) => <Tr key={`${position} ${pass.name}`}><Td numeric className="text-muted">{position + 1}</Td><Td className="min-w-40">{pass.title}</Td><Td numeric>{formatCount(pass.changes)}</Td><Td className="min-w-56 text-muted">{pass.effect}</Td></Tr>)}</tbody>
      </Table>
    </Card>
  );
}
