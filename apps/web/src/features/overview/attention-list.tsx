"use client";
import { useRef, useState, type KeyboardEvent } from "react";
import Link from "next/link";
import type { Route } from "next";
import { CirclePause, FileX2, KeyRound, OctagonX, WifiOff, Wrench } from "lucide-react";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatNoun } from "../../lib/format.ts";
import { heldOrder } from "./attention.ts";
import type { AttentionItem, AttentionKind } from "./types.ts";

const LOOK: Record<AttentionKind, { icon: typeof OctagonX; color: string }> = {
  rollout_halted: { icon: OctagonX, color: "text-bad" }, rollout_paused: { icon: CirclePause, color: "text-warn" }, key_change: { icon: KeyRound, color: "text-warn" },
  job_failed: { icon: Wrench, color: "text-bad" }, job_quarantined: { icon: Wrench, color: "text-bad" }, version_rejected: { icon: FileX2, color: "text-bad" }, devices_silent: { icon: WifiOff, color: "text-muted" },
};

/** Widest trouble first. While the pointer or the focus is in the list nothing moves; new items wait behind a bar. j k move, Enter opens. */
export function AttentionList({ items }: { items: readonly AttentionItem[] }) {
  const list = useRef<HTMLUListElement>(null);
  const [held, setHeld] = useState<readonly string[] | null>(null);
  const { items: shown, added } = held === null ? { items: [...items], added: 0 } : heldOrder(held, items);
  const hold = () => setHeld((known) => known ?? items.map((item) => item.key));
  const release = () => setHeld(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "j" || event.key === "ArrowDown" ? 1 : event.key === "k" || event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    const links = [...(list.current?.querySelectorAll<HTMLAnchorElement>("a") ?? [])];
    const at = links.indexOf(document.activeElement as HTMLAnchorElement);
    links[Math.max(0, Math.min(links.length - 1, at + step))]?.focus();
    event.preventDefault();
  };
  return (
    <div onPointerEnter={hold} onPointerLeave={release} onFocus={hold} onBlur={(event) => { if (!event.currentTarget.contains(event.relatedTarget)) release(); }}>
      {added > 0 && <button type="button" onClick={release} className="mb-1.5 rounded-md border border-accent px-2.5 py-1 text-xs">{added} new: show</button>}
      {/* The keys move between the links inside. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <ul ref={list} onKeyDown={onKeyDown} className="divide-y divide-line overflow-hidden rounded-lg border border-line bg-surface">
        {shown.map((item) => {
          const { icon: Icon, color } = LOOK[item.kind];
          return (
            <li key={item.key} className="relative grid grid-cols-[1rem_minmax(0,1fr)_auto] items-start gap-x-3 px-4 py-2.5 hover:bg-hover has-focus-visible:bg-hover">
              <Icon size={16} aria-hidden className={`mt-0.5 ${color}`} />
              <div className="min-w-0">
                <p className="flex flex-wrap items-baseline gap-x-2 text-ui"><span className="font-medium break-words">{item.title}</span>{item.devices > 0 && item.kind !== "devices_silent" && <span className="text-xs text-muted tabular-nums">{formatNoun(item.devices, "device")}</span>}</p>
                <p className="text-ui text-pretty break-words text-muted">{item.sentence}</p>
              </div>
              <div className="grid justify-items-end gap-0.5 text-xs whitespace-nowrap">
                <Link href={item.href as Route} className="font-medium text-accent-text after:absolute after:inset-0">{item.action}</Link>
                {item.since !== null && <TimeAgo at={item.since} className="text-muted" />}
              </div>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
