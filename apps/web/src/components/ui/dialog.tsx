"use client";
import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import { useRef, type ReactNode } from "react";
import { cn } from "../../lib/class-names.ts";
import { buttonClass } from "./button.tsx";

const WIDTHS = { sm: "sm:max-w-md", md: "sm:max-w-xl", lg: "sm:max-w-3xl" } as const;

/** A dialog with title and close button; focus goes in, stays, and returns. On a phone it rises from below. */
export function Dialog({ open, onOpenChange, title, description, width = "md", footer, children }: {
  open: boolean; onOpenChange: (open: boolean) => void; title: ReactNode; description?: ReactNode; width?: keyof typeof WIDTHS; footer?: ReactNode; children?: ReactNode;
}) {
  const body = useRef<HTMLDivElement>(null);
  return (
    <Base.Root open={open} onOpenChange={onOpenChange}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-scrim transition-opacity duration-150 data-ending-style:opacity-0 data-starting-style:opacity-0" />
        <Base.Popup
          // The first field, where there is one; else the first thing that can be pressed.
          initialFocus={() => body.current?.querySelector<HTMLElement>("input, select, textarea") ?? true}
          className={cn(
            "fixed z-50 flex max-h-[calc(100dvh-2rem)] flex-col bg-raised text-ink shadow-float outline-none popup-motion",
            "inset-x-0 bottom-0 rounded-t-xl sm:inset-x-auto sm:top-1/2 sm:bottom-auto sm:left-1/2 sm:w-[calc(100vw-3rem)] sm:-translate-x-1/2 sm:-translate-y-1/2 sm:rounded-xl sm:border",
            WIDTHS[width],
          )}
        >
          <div className="flex items-start gap-3 px-5 pt-4 pb-3">
            <div className="min-w-0 flex-1">
              <Base.Title className="text-sm font-semibold">{title}</Base.Title>
              {description !== undefined && <Base.Description className="mt-1 text-pretty text-muted">{description}</Base.Description>}
            </div>
            <Base.Close aria-label="Close" className={buttonClass({ kind: "quiet", size: "icon-sm", className: "-mt-1 -mr-2" })}><X size={15} aria-hidden /></Base.Close>
          </div>
          <div ref={body} className="min-h-0 flex-1 overflow-auto px-5 pb-5">{children}</div>
          {footer !== undefined && <div className="flex flex-wrap justify-end gap-2 border-t bg-sunken px-5 py-3 max-sm:pb-[max(0.75rem,env(safe-area-inset-bottom))] sm:rounded-b-xl">{footer}</div>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

/** Closes the dialog it stands in. */
export function DialogClose({ children, kind = "secondary" }: { children: ReactNode; kind?: "secondary" | "quiet" | "primary" }) {
  return <Base.Close className={buttonClass({ kind })}>{children}</Base.Close>;
}
