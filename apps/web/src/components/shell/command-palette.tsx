"use client";
import { Autocomplete } from "@base-ui/react/autocomplete";
import { Dialog } from "@base-ui/react/dialog";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { DatasetView, DeviceRow, ModelView, Page, RolloutView, TrainingView } from "@flotilla/fleet";
import { Boxes, CornerDownLeft, Database, GraduationCap, Radar, Search, Send, SquareArrowRight, type LucideIcon } from "lucide-react";
import { useRouter } from "next/navigation";
import { useDeferredValue, useState } from "react";
import { apiGet } from "../../lib/api-client.ts";
import { Keys } from "./key-help.tsx";
import { navItems } from "./navigation.ts";
import { EVERYWHERE, GO_TO, useShortcutGroups } from "./shortcuts.ts";

type Entry = { value: string; label: string; detail: string; icon: LucideIcon; keys?: string; run: () => void };
type Group = { value: string; items: Entry[] };

const FOUND_MAX = 20;

/** Ctrl-K: pages, what this page can do, and models, datasets, trainings, devices and rollouts by name (searched on the server). */
export function CommandPalette({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-scrim transition-opacity duration-100 data-ending-style:opacity-0 data-starting-style:opacity-0" />
        <Dialog.Popup aria-label="Search and commands" className="fixed inset-x-3 top-[12vh] z-50 mx-auto flex max-h-[70vh] max-w-xl flex-col overflow-hidden rounded-xl border bg-raised text-ink shadow-float outline-none popup-motion">
          <PaletteBody close={() => onOpenChange(false)} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function PaletteBody({ close }: { close: () => void }) {
  const [text, setText] = useState("");
  const groups = usePaletteGroups(text, close);
  return (
    <Autocomplete.Root open inline items={groups} value={text} onValueChange={setText} autoHighlight="always" keepHighlight filter={null} itemToStringValue={(entry: Entry) => entry.label}>
      <div className="flex items-center gap-2.5 border-b px-4">
        <Search size={15} aria-hidden className="text-muted" />
        <Autocomplete.Input aria-label="Search and commands" placeholder="Go to a page, find a model, dataset, training, device or rollout…" className="h-12 w-full bg-transparent text-sm outline-none max-sm:text-base" />
      </div>
      <Dialog.Close className="sr-only">Close</Dialog.Close>
      <div className="min-h-0 overflow-y-auto overscroll-contain p-1.5">
        <Autocomplete.Empty><p className="px-3 py-8 text-center text-muted">Nothing found.</p></Autocomplete.Empty>
        <Autocomplete.List>
          {(group: Group) => (
            <Autocomplete.Group key={group.value} items={group.items} className="mb-1">
              <Autocomplete.GroupLabel className="px-2.5 pt-2 pb-1 text-2xs font-medium text-muted">{group.value}</Autocomplete.GroupLabel>
              <Autocomplete.Collection>
                {(entry: Entry) => (
                  <Autocomplete.Item key={entry.value} value={entry} onClick={entry.run} className="group flex h-9 cursor-default items-center gap-2.5 rounded-md px-2.5 outline-none select-none data-highlighted:bg-accent-soft max-sm:h-11">
                    <entry.icon size={15} aria-hidden className="shrink-0 text-muted group-data-highlighted:text-accent-text" />
                    <span className="min-w-0 flex-1 truncate">{entry.label}<span className="ml-2 text-xs text-muted">{entry.detail}</span></span>
                    {entry.keys !== undefined && <span className="max-sm:hidden"><Keys keys={entry.keys} /></span>}
                    <CornerDownLeft size={13} aria-hidden className="hidden text-muted group-data-highlighted:block" />
                  </Autocomplete.Item>
                )}
              </Autocomplete.Collection>
            </Autocomplete.Group>
          )}
        </Autocomplete.List>
      </div>
    </Autocomplete.Root>
  );
}

function usePaletteGroups(text: string, close: () => void): Group[] {
  const router = useRouter();
  const shortcuts = useShortcutGroups();
  // Pages and commands follow each key at once: Enter right after the last one must not run what was found for fewer letters.
  const typed = text.trim().toLowerCase();
  const wanted = useDeferredValue(text.trim());
  const found = useQuery({
    queryKey: ["search", wanted],
    queryFn: ({ signal }) => search(wanted, signal),
    enabled: wanted.length >= 2,
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });
  const open = (href: string) => (): void => {
    close();
    router.push(href as "/");
  };
  const does = (run: () => void) => (): void => {
    close();
    // After the dialog has given the focus back.
    requestAnimationFrame(run);
  };
  const matches = (entry: Entry): boolean => typed === "" || entry.label.toLowerCase().includes(typed);
  const pages = navItems.map<Entry>((item) => ({ value: `page ${item.href}`, label: item.label, detail: "", icon: item.icon, keys: `g ${item.key}`, run: open(item.href) }));
  const actions = shortcuts.flatMap((group) => (group.name === EVERYWHERE || group.name === GO_TO ? [] : group.shortcuts.map<Entry>((shortcut) => ({ value: `do ${group.name} ${shortcut.keys}`, label: shortcut.label, detail: group.name, icon: SquareArrowRight, keys: shortcut.keys, run: does(shortcut.run) }))));
  const things = wanted.length < 2 || found.data === undefined ? [] : found.data.map<Entry>((hit) => ({ value: hit.href, label: hit.label, detail: hit.detail, icon: ICONS[hit.kind], run: open(hit.href) }));
  return [
    { value: "On this page", items: actions.filter(matches) },
    { value: "Pages", items: pages.filter(matches) },
    { value: found.isFetching ? "Found (searching…)" : "Found", items: things },
  ].filter((group) => group.items.length > 0);
}

type Hit = { kind: "model" | "dataset" | "training" | "device" | "rollout"; label: string; detail: string; href: string };
const ICONS: Record<Hit["kind"], LucideIcon> = { model: Boxes, dataset: Database, training: GraduationCap, device: Radar, rollout: Send };

/** Each list is asked on its own: one that fails leaves the others. */
async function search(text: string, signal: AbortSignal): Promise<Hit[]> {
  const query = encodeURIComponent(text);
  const [models, datasets, trainings, devices, rollouts] = await Promise.all([
    items<ModelView>(`/models?limit=${FOUND_MAX}&search=${query}`, signal),
    items<DatasetView>(`/datasets?limit=${FOUND_MAX}&search=${query}`, signal),
    items<TrainingView>("/trainings?limit=100", signal),
    items<DeviceRow>(`/devices?limit=${FOUND_MAX}&search=${query}`, signal),
    items<RolloutView>("/rollouts?limit=100", signal),
  ]);
  const lower = text.toLowerCase();
  return [
    ...models.map<Hit>((model) => ({ kind: "model", label: model.name, detail: "model", href: `/models/${model.id}` })),
    ...datasets.map<Hit>((dataset) => ({ kind: "dataset", label: dataset.name, detail: "dataset", href: `/datasets/${dataset.id}` })),
    ...trainings.filter((training) => training.name.toLowerCase().includes(lower)).slice(0, FOUND_MAX).map<Hit>((training) => ({ kind: "training", label: training.name, detail: `training, ${training.state}`, href: `/trainings/${training.id}` })),
    ...rollouts.filter((rollout) => rollout.name.toLowerCase().includes(lower) || rollout.build.name.toLowerCase().includes(lower)).slice(0, FOUND_MAX).map<Hit>((rollout) => ({ kind: "rollout", label: rollout.name, detail: `rollout, ${rollout.state.replaceAll("_", " ")}`, href: `/rollouts/${rollout.id}` })),
    ...devices.map<Hit>((device) => ({ kind: "device", label: device.name, detail: `device, ${device.className}`, href: `/devices/${device.id}` })),
  ];
}

async function items<T>(path: string, signal: AbortSignal): Promise<T[]> {
  try {
    return (await apiGet<Page<T>>(path, signal)).items;
  } catch {
    return [];
  }
}
