import { ErrorNote } from "../../components/ui/notice.tsx";
import { ApiProblem, messageOf } from "../../lib/api-client.ts";
import { pathWords } from "./recipe-differences.ts";

/** Why the server did not take it, with the fields it names. */
export function RefusalNote({ error }: { error: unknown }) {
  const faults = error instanceof ApiProblem ? error.faults : [];
  return (
    <ErrorNote>
      <p>{messageOf(error)}</p>
      {faults.length > 0 && <ul className="mt-1 list-disc pl-4">{faults.map(({ path, message }) => <li key={`${path} ${message}`}>{path === "" ? message : `${pathWords(path)}: ${message}`}</li>)}</ul>}
    </ErrorNote>
  );
}
