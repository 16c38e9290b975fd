"use client";
import { useEffect, useRef, useState } from "react";
import { Button, LinkButton, Spinner } from "../../components/ui/button.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { ApiProblem, apiSend, messageOf } from "../../lib/api-client.ts";

/** Sends the token of a one-time link as soon as the page is there. */
export function RedeemLink({ token }: { token: string }) {
  const [failed, setFailed] = useState<unknown>(null);
  const sent = useRef(false);
  const redeem = (): void => {
    setFailed(null);
    apiSend("POST", "/session/link", { token }).then(() => location.replace("/"), setFailed);
  };
  useEffect(() => {
    // A link works once, and React may run an effect twice.
    if (sent.current) return;
    sent.current = true;
    redeem();
  });
  if (failed === null) return <p role="status" className="flex items-center gap-2 text-muted"><Spinner />One moment…</p>;
  const isOver = failed instanceof ApiProblem && !failed.retryable;
  return (
    <div className="space-y-4">
      <ErrorNote>{messageOf(failed)}</ErrorNote>
      {isOver ? <LinkButton href="/sign-in" kind="primary" size="lg" className="w-full">Sign in with a password</LinkButton> : <Button kind="primary" size="lg" className="w-full" onClick={redeem}>Try again</Button>}
    </div>
  );
}
