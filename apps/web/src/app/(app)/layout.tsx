import type { ReactNode } from "react";
import { LiveProvider } from "../../components/live/live-provider.tsx";
import { Shell } from "../../components/shell/shell.tsx";
import { requirePrincipal } from "../../server/session.ts";

export default async function AppLayout({ children }: { children: ReactNode }) {
  const principal = await requirePrincipal();
  const person = { name: principal.name, role: principal.kind === "system" ? ("admin" as const) : principal.role };
  return (
    <LiveProvider>
      <Shell person={person}>{children}</Shell>
    </LiveProvider>
  );
}
