import type { TrainingView } from "@flotilla/fleet";
import type { Route } from "next";
import Link from "next/link";
import { LineSwatch } from "../../components/charts/line-chart.tsx";
import { Card } from "../../components/ui/card.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatDuration, formatNoun } from "../../lib/format.ts";
import { bestWords } from "./curve-reading.ts";
import { commonCount, pathWords, recipeDifferences, withoutTeacherId } from "./recipe-differences.ts";
import { startWords, TrainingState } from "./training-words.tsx";

/** What each run reached, and what was made of it. */
export function ComparedOutcomes({ trainings, names }: { trainings: readonly TrainingView[]; names: readonly string[] }) {
  return (
    <Card title="What they reached" flush>
      <Table caption="What the runs reached">
        <thead><tr><Th>Run</Th><Th>State</Th><Th>Best</Th><Th numeric>At epoch</Th><Th numeric>Time</Th><Th>Version</Th></tr></thead>
        <tbody>
          {trainings.map((training, place) => (
            <Tr key={training.id}>
              <Td className="max-w-72"><span className="flex min-w-0 items-center gap-2"><LineSwatch color={`--chart-${place + 1}`} /><Link href={`/trainings/${training.id}` as Route} className="truncate font-medium hover:underline">{names[place]}</Link></span></Td>
              <Td><TrainingState training={training} /></Td>
              <Td className="whitespace-nowrap tabular">{training.best === null ? "–" : bestWords(training.best)}</Td>
              <Td numeric>{training.best?.epoch ?? "–"}</Td>
              <Td numeric className="whitespace-nowrap">{training.startedAt === null || training.finishedAt === null ? "–" : formatDuration(Date.parse(training.finishedAt) - Date.parse(training.startedAt))}</Td>
              <Td className="whitespace-nowrap">{training.result === null ? "–" : <Link className="hover:underline" href={`/models/${training.result.modelId}/v/${training.result.number}` as Route}>{training.result.modelName} v{training.result.number}</Link>}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

/** Only what differs: everything else is counted, not listed. */
export function DifferencesTable({ trainings, names }: { trainings: readonly TrainingView[]; names: readonly string[] }) {
  const told = trainings.map((training) => ({ dataset: `${training.datasetName} v${training.datasetNumber}`, startsFrom: startWords(training), teacher: training.teacher?.name, recipe: withoutTeacherId(training.recipe) }));
  const differences = recipeDifferences(told);
  const common = commonCount(told);
  return (
    <Card title="What they were told differently" subtitle={`${formatNoun(common, "setting")} alike`} flush>
      {differences.length === 0 ? <p className="p-4 text-muted">Nothing: the runs were told the same. On one kind of machine they give the same weights.</p> : (
        <Table caption="Settings that differ">
          <thead><tr><Th>Setting</Th>{names.map((name, place) => <Th key={place} className="max-w-52 truncate" title={name}><span className="inline-flex max-w-full items-center gap-2"><LineSwatch color={`--chart-${place + 1}`} /><span className="truncate">{name}</span></span></Th>)}</tr></thead>
          <tbody>
            {differences.map(({ path, values }) => (
              <Tr key={path}>
                <Td className="whitespace-nowrap">{pathWords(path).replace(/^recipe: /, "")}</Td>
                {values.map((value, place) => <Td key={place} className="max-w-52 truncate font-mono text-xs" title={value ?? undefined}>{value === null ? <span className="text-muted">not set</span> : value === "" ? <span className="text-muted">none</span> : value}</Td>)}
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
    </Card>
  );
}
