"use client";
import { formatDateTime, formatRelative } from "../../lib/format.ts";
import { useNow } from "../../lib/use-now.ts";

/** "3 min ago", with the exact time on hover. The server's idea of now differs from the browser's, so the text may too. */
export function TimeAgo({ at, none = "never", className }: { at: string | null; none?: string; className?: string }) {
  const now = useNow();
  if (at === null) return <span className={className}>{none}</span>;
  return <time dateTime={at} title={formatDateTime(at)} className={className} suppressHydrationWarning>{formatRelative(at, Math.max(now, Date.parse(at)))}</time>;
}

/** "in 23 h" for what is still to come, "2 d ago" when it is over. */
export function TimeUntil({ at, none = "never", className }: { at: string | null; none?: string; className?: string }) {
  const now = useNow();
  if (at === null) return <span className={className}>{none}</span>;
  return <time dateTime={at} title={formatDateTime(at)} className={className} suppressHydrationWarning>{formatRelative(at, now)}</time>;
}
