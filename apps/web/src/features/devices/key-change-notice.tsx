"use client";
import { useState } from "react";
import type { DeviceView } from "@flotilla/fleet";
import { Button } from "../../components/ui/button.tsx";
import { ConfirmDialog } from "../../components/ui/confirm-dialog.tsx";
import { Notice } from "../../components/ui/notice.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { apiSend } from "../../lib/api-client.ts";

/** A known device that came with another key: somebody must say whether it is still the same machine. */
export function KeyChangeNotice({ device, onDecided }: { device: DeviceView; onDecided: (fresh: DeviceView) => void }) {
  const [decision, setDecision] = useState<"approve" | "deny" | null>(null);
  const decide = async (reason: string | undefined) => onDecided(await apiSend<DeviceView>("POST", `/devices/${device.id}/key-change/${decision}`, reason === undefined ? {} : { reason }));
  return (
    <>
      <Notice
        tone="warn" title={<>Something called {device.name} came with another key <TimeAgo at={device.keyChange?.createdAt ?? null} /></>}
        action={<span className="flex gap-2"><Button size="sm" onClick={() => setDecision("approve")}>Approve new key</Button><Button size="sm" kind="danger" onClick={() => setDecision("deny")}>Deny</Button></span>}
      >
        The machine was installed anew, or another machine pretends to be it. The one with the known key works on; the new one gets nothing until an admin decides.
      </Notice>
      <ConfirmDialog
        open={decision !== null} onOpenChange={(open) => { if (!open) setDecision(null); }} asksReason danger={decision === "deny"}
        title={decision === "approve" ? `Approve the new key of ${device.name}?` : `Deny the new key of ${device.name}?`} action={decision === "approve" ? "Approve new key" : "Deny new key"} onConfirm={decide}
      >
        {decision === "approve" ? <p>The machine with the new key becomes {device.name}; the old key stops working at once.</p> : <p>The machine with the new key stays outside. {device.name} goes on with the key it has.</p>}
      </ConfirmDialog>
    </>
  );
}
