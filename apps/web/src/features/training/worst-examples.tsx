import type { TrainingView } from "@flotilla/fleet";
import { Card } from "../../components/ui/card.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatLoss } from "./curve-reading.ts";

type Example = TrainingView["worst"][number];

/** The examples on which the model was most wrong: as pictures where they are pictures. Often it is the label that is wrong. */
export function WorstExamples({ examples }: { examples: readonly Example[] }) {
  const pictured = examples.filter((example) => example.image !== null);
  return (
    <Card title="Most wrong" subtitle="where the loss is highest; look at the labels too" flush>
      {pictured.length > 0 ? (
        <ul className="grid grid-cols-[repeat(auto-fill,minmax(6.5rem,1fr))] gap-3 p-4">{pictured.map((example) => <Pictured key={example.index} example={example} />)}</ul>
      ) : (
        <Table caption="Examples with the highest loss">
          <thead><tr><Th numeric>Example</Th><Th>True</Th><Th>Answer</Th><Th numeric>How sure</Th><Th numeric>Loss</Th></tr></thead>
          <tbody>
            {examples.map((example) => (
              <Tr key={example.index}><Td numeric className="text-muted">#{example.index}</Td><Td>{example.truth}</Td><Td>{example.answer}</Td><Td numeric>{sure(example)}</Td><Td numeric>{formatLoss(example.loss)}</Td></Tr>
            ))}
          </tbody>
        </Table>
      )}
    </Card>
  );
}

function Pictured({ example }: { example: Example }) {
  return (
    <li className="min-w-0">
      {/* A data URL of some hundred bytes: nothing to optimise. */}
      {/* oxlint-disable-next-line nextjs/no-img-element */}
      <img src={example.image ?? ""} alt={`${example.truth}, taken for ${example.answer}`} className="aspect-square w-full rounded-md border bg-sunken object-contain [image-rendering:pixelated]" />
      <p className="mt-1 truncate text-xs" title={`${example.truth}, taken for ${example.answer}`}><span className="font-medium">{example.truth}</span> <span className="text-muted">as</span> <span className="font-medium text-bad">{example.answer}</span></p>
      <p className="text-2xs text-muted tabular">{sure(example)} sure, #{example.index}</p>
    </li>
  );
}

function sure({ confidence }: Example): string {
  return `${(confidence * 100).toFixed(0)} %`;
}
