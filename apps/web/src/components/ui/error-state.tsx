"use client";
import { RotateCw } from "lucide-react";
import { ApiProblem, messageOf } from "../../lib/api-client.ts";
import { Button } from "./button.tsx";
import { Notice } from "./notice.tsx";

/** One panel failed, the rest of the page works: what was said, the request id, and another try. */
export function ErrorState({ error, onRetry, what = "This part could not be loaded" }: { error: unknown; onRetry?: () => void; what?: string }) {
  const requestId = error instanceof ApiProblem ? error.requestId : null;
  return (
    <div role="alert" className="p-3">
      <Notice tone="bad" title={what} action={onRetry && <Button size="sm" onClick={onRetry}><RotateCw size={13} aria-hidden />Try again</Button>}>
        <p>{messageOf(error)}</p>
        {requestId !== null && <p className="mt-0.5 font-mono text-2xs">{requestId}</p>}
      </Notice>
    </div>
  );
}
