import type { BuildView } from "@flotilla/fleet";
import { StateWord } from "../../components/ui/badge.tsx";

/** A build's state in shape, word and colour. */
export function BuildState({ build }: { build: Pick<BuildView, "state"> }) {
  switch (build.state) {
    case "pending": return <StateWord tone="busy" word="being written" />;
    case "ready": return <StateWord tone="ok" word="ready" />;
    case "failed": return <StateWord tone="bad" word="failed" />;
  }
}
