import type { ReactNode } from "react";
import { Wordmark } from "../../components/shell/wordmark.tsx";
import { EarlyInput } from "../../components/ui/early-input.tsx";

/** The page in front of the app: one narrow column and nothing else. */
export function GatePage({ title, lead, children }: { title: string; lead?: string | undefined; children: ReactNode }) {
  return (
    <main className="grid min-h-dvh place-items-center bg-canvas px-4 py-10">
      <div className="w-full max-w-sm">
        <div className="mb-6 flex justify-center"><Wordmark size={22} /></div>
        <section className="rounded-xl border bg-surface p-6 shadow-lift">
          <h1 className="text-base font-semibold">{title}</h1>
          {lead !== undefined && <p className="mt-1 text-pretty text-muted">{lead}</p>}
          <div className="mt-5">{children}</div>
        </section>
        <EarlyInput />
      </div>
    </main>
  );
}
