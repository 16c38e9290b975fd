"use client";
import { Dialog } from "@base-ui/react/dialog";
import { Menu as MenuIcon } from "lucide-react";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { useState } from "react";
import { cn } from "../../lib/class-names.ts";
import { isCurrent, navigation, navItems, phoneBar } from "./navigation.ts";
import { RailLink } from "./rail.tsx";

const cell = "flex h-14 flex-col items-center justify-center gap-0.5 text-2xs";

/** The bar at the bottom of narrow screens: four places and the rest. */
export function PhoneBar() {
  const path = usePathname();
  const [open, setOpen] = useState(false);
  const shown = phoneBar.flatMap((href) => navItems.find((item) => item.href === href) ?? []);
  return (
    <nav aria-label="Main" className="fixed inset-x-0 bottom-0 z-30 grid grid-cols-5 border-t bg-raised pb-[env(safe-area-inset-bottom)] lg:hidden">
      {shown.map((item) => {
        const current = isCurrent(item, path);
        return (
          <Link key={item.href} href={item.href as "/"} aria-current={current ? "page" : undefined} className={cn(cell, current ? "font-medium text-accent-text" : "text-muted")}>
            <item.icon size={18} aria-hidden />{item.label}
          </Link>
        );
      })}
      <Dialog.Root open={open} onOpenChange={setOpen}>
        <Dialog.Trigger className={cn(cell, "text-muted")}><MenuIcon size={18} aria-hidden />More</Dialog.Trigger>
        <Dialog.Portal>
          <Dialog.Backdrop className="fixed inset-0 z-40 bg-scrim transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0" />
          <Dialog.Popup className="fixed inset-x-0 bottom-0 z-50 rounded-t-xl bg-raised px-4 pt-4 pb-[max(1rem,env(safe-area-inset-bottom))] shadow-float outline-none popup-motion">
            <Dialog.Title className="mb-2 text-sm font-semibold">Go to</Dialog.Title>
            <div className="grid grid-cols-2 gap-x-3">
              {navigation.flatMap((group) => group.items).map((item) => <RailLink key={item.href} item={item} current={isCurrent(item, path)} onClick={() => setOpen(false)} />)}
            </div>
          </Dialog.Popup>
        </Dialog.Portal>
      </Dialog.Root>
    </nav>
  );
}
