"use client";
import type { RolloutEventView } from "@flotilla/fleet";
import { markerGlyph } from "../../components/charts/markers.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";

/** What happened to a rollout, newest first: event, person or rule, and when. */
export function EventTimeline({ events }: { events: readonly RolloutEventView[] }) {
  if (events.length === 0) return <p className="text-ui text-muted">Nothing has happened yet.</p>;
  return (
    <ol className="grid gap-2">
      {events.map((event) => (
        <li key={event.id} className="grid grid-cols-[1.25rem_1fr] gap-x-2 text-ui">
          <span aria-hidden="true" className="text-center text-(--chart-marker)">{markerGlyph(event.kind)}</span>
          <div className="min-w-0">
            <p className="break-words">{event.sentence}</p>
            <p className="text-xs text-muted"><TimeAgo at={event.at} /> · {event.actorName}</p>
          </div>
        </li>
      ))}
    </ol>
  );
}
