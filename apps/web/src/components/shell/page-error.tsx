"use client";
import { CloudOff, RotateCw } from "lucide-react";
import { useEffect } from "react";
import { Button, LinkButton } from "../ui/button.tsx";
import { EmptyState } from "../ui/empty-state.tsx";

/** A page that broke: says what can be done, names the id under which the server logged it, and tries again when the line is back. */
export function PageError({ error, retry }: { error: Error & { digest?: string }; retry: () => void }) {
  useEffect(() => {
    window.addEventListener("online", retry);
    return () => window.removeEventListener("online", retry);
  }, [retry]);
  return (
    <EmptyState
      icon={<CloudOff size={18} />} title="This page could not be loaded" isPage
      action={<><Button kind="primary" onClick={retry}><RotateCw size={14} aria-hidden />Try again</Button><LinkButton href="/" kind="secondary">Back to the overview</LinkButton></>}
    >
      <p>Something broke on our side, or a part of the platform does not answer.</p>
      {error.digest !== undefined && <p className="mt-2 font-mono text-2xs">Error id {error.digest}</p>}
    </EmptyState>
  );
}
