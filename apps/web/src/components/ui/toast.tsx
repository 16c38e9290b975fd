"use client";
import { Toast } from "@base-ui/react/toast";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "../../lib/class-names.ts";
import { buttonClass } from "./button.tsx";

/** Where short confirmations appear. What they say must also be visible on the page itself. F6 moves the focus to them. */
export function ToastArea({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider timeout={5_000} limit={3}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="fixed right-4 bottom-4 z-60 flex w-[calc(100vw-2rem)] flex-col gap-2 outline-none max-lg:bottom-20 sm:w-84">
          <Toasts />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function Toasts() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root
      key={toast.id} toast={toast} swipeDirection={["right", "down"]}
      className={cn("rounded-lg border bg-raised text-ink shadow-float transition-[opacity,translate] duration-200 data-ending-style:translate-x-4 data-ending-style:opacity-0 data-limited:hidden data-starting-style:translate-y-3 data-starting-style:opacity-0", toast.type === "bad" && "border-bad/50")}
    >
      <Toast.Content className="flex items-start gap-2 px-3 py-2.5">
        <div className="min-w-0 flex-1">
          <Toast.Title className="font-medium" />
          <Toast.Description className="text-xs text-pretty break-words text-muted" />
        </div>
        <Toast.Close aria-label="Dismiss" className={buttonClass({ kind: "quiet", size: "icon-sm", className: "-my-1 -mr-1.5" })}><X size={14} aria-hidden /></Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}

/** Shows a short confirmation. */
export function useToast(): (title: string, options?: { description?: string; tone?: "ok" | "bad" }) => void {
  const manager = Toast.useToastManager();
  return (title, options = {}) => void manager.add({ title, ...(options.description !== undefined && { description: options.description }), type: options.tone ?? "ok" });
}
