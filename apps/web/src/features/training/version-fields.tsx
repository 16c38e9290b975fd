"use client";
import { useQuery } from "@tanstack/react-query";
import type { VersionView } from "@flotilla/fleet";
import { Field, Select } from "../../components/ui/field.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { formatCompact, formatShare } from "../../lib/format.ts";
import { MissingPreprocessing } from "../optimizing/evaluate-button.tsx";
import type { Change } from "./number-field.tsx";
import type { TrainingDraft } from "./training-draft.ts";
import { weightNodesQuery, type WeightNode } from "./training-queries.ts";
import { VersionPicker } from "./version-picker.tsx";

/** A model version to go on from, and how much of it stays as it is. */
export function VersionFields({ version, draft, onVersion, onChange }: { version: VersionView | null; draft: TrainingDraft; onVersion: (version: VersionView | null) => void; onChange: Change }) {
  return (
    <div className="grid gap-3">
      <VersionPicker version={version} labels={{ model: "Model", version: "Version of the model" }} onVersion={onVersion} />
      {version?.state === "ready" && version.preprocessing === null && <MissingPreprocessing version={version} />}
      {version !== null && <FreezeFields version={version} draft={draft} onChange={onChange} />}
    </div>
  );
}

function FreezeFields({ version, draft, onChange }: { version: VersionView; draft: TrainingDraft; onChange: Change }) {
  const nodes = useQuery(weightNodesQuery(version.id));
  const rows = nodes.data ?? [];
  const total = sumOf(rows);
  const end = rows.findIndex(({ name }) => name === draft.freezeUpTo);
  const frozen = sumOf(rows.slice(0, end + 1));
  return (
    <fieldset className="grid gap-2 border-t pt-3">
      <legend className="sr-only">What stays as it is</legend>
      <label className="flex items-center gap-2"><input type="radio" name="freeze" className="size-4 accent-(--accent)" checked={draft.freeze === "nothing"} onChange={() => onChange({ freeze: "nothing" })} />Train all of it</label>
      <label className="flex items-center gap-2"><input type="radio" name="freeze" className="size-4 accent-(--accent)" checked={draft.freeze === "up_to"} onChange={() => onChange({ freeze: "up_to", freezeUpTo: draft.freezeUpTo || lastButOne(rows) })} />Freeze its beginning: quicker, and what it knows is kept</label>
      {draft.freeze === "up_to" && (nodes.isPending ? <Skeleton className="h-8 w-64" /> : (
        <Field label="Frozen up to and with" className="max-w-lg" hint={end < 0 ? "Everything before this node keeps its weights, bit for bit." : `${formatCompact(frozen)} of ${formatCompact(total)} parameters (${formatShare(frozen, total)}) keep their values, bit for bit.`} {...(nodes.isError && { error: "The graph of this version could not be read." })}>
          <Select value={draft.freezeUpTo} onChange={(event) => onChange({ freezeUpTo: event.target.value })}>
            <option value="">Choose…</option>
            {[...Map.groupBy(rows, ({ block }) => block)].map(([block, members]) => <NodeOptions key={block} block={block} nodes={members} last={rows.at(-1)?.name} />)}
          </Select>
        </Field>
      ))}
    </fieldset>
  );
}

/** The last node of all cannot be where freezing ends: nothing would be left to train. */
function NodeOptions({ block, nodes, last }: { block: string; nodes: readonly WeightNode[]; last: string | undefined }) {
  const options = nodes.map(({ name, opType, parameterCount }) => <option key={name} value={name} disabled={name === last}>{name === "" ? opType : name} ({opType}, {formatCompact(parameterCount)})</option>);
  return block === "" ? options : <optgroup label={block}>{options}</optgroup>;
}

function lastButOne(rows: readonly WeightNode[]): string {
  return rows.at(-2)?.name ?? "";
}

function sumOf(rows: readonly WeightNode[]): number {
  return rows.reduce((sum, { parameterCount }) => sum + parameterCount, 0);
}
