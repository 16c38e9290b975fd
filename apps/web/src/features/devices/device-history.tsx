import Link from "next/link";
import type { Route } from "next";
import type { DeploymentStateName, DeviceView } from "@flotilla/fleet";
import { StateSwatch } from "../../components/charts/state-bar.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { failureMeaning } from "../rollouts/failure-reasons.ts";
import { deploymentWords } from "../rollouts/words.ts";

/** What rollouts tried on this device, newest first. */
export function DeviceHistory({ deployments }: { deployments: DeviceView["deployments"] }) {
  if (deployments.length === 0) return <p className="p-4 text-muted">No rollout has reached it yet.</p>;
  return (
    <Table caption="Deployments of this device">
      <thead><tr><Th>Rollout</Th><Th>Direction</Th><Th>State</Th><Th>Why</Th><Th>Changed</Th></tr></thead>
      <tbody>
        {deployments.map((deployment) => {
          const look = deploymentWords[deployment.state as DeploymentStateName];
          return (
            <Tr key={deployment.id}>
              <Td className="max-w-72"><Link href={`/rollouts/${deployment.rolloutId}` as Route} className="block truncate font-medium hover:underline">{deployment.rolloutName}</Link></Td>
              <Td>{deployment.direction === "rollback" ? "roll back" : "forward"}</Td>
              <Td className="whitespace-nowrap"><span className="inline-flex items-center gap-1.5"><StateSwatch color={look.color} pattern={look.pattern} />{look.word}</span></Td>
              <Td className="max-w-96">{deployment.failureCode !== null && <span className="block truncate" title={`${deployment.failureCode}: ${deployment.failureDetail ?? ""}`}>{failureMeaning(deployment.failureCode) || deployment.failureCode} {deployment.failureDetail}</span>}</Td>
              <Td className="whitespace-nowrap text-muted"><TimeAgo at={deployment.updatedAt} /></Td>
            </Tr>
          );
        })}
      </tbody>
    </Table>
  );
}
