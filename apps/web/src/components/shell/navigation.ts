import { Boxes, Database, FlaskConical, Gauge, GraduationCap, Hammer, LayoutDashboard, ListChecks, Radar, ScrollText, Send, Settings, Tags, type LucideIcon } from "lucide-react";

export type NavItem = { href: string; label: string; icon: LucideIcon; /** Second key after `g`. */ key: string };
export type NavGroup = { label: string | null; items: readonly NavItem[] };

/** The rail, top to bottom: the way a model goes. */
export const navigation: readonly NavGroup[] = [
  { label: null, items: [{ href: "/", label: "Overview", icon: LayoutDashboard, key: "o" }] },
  {
    label: "Ship",
    items: [
      { href: "/models", label: "Models", icon: Boxes, key: "m" },
      { href: "/datasets", label: "Datasets", icon: Database, key: "t" },
      { href: "/trainings", label: "Trainings", icon: GraduationCap, key: "n" },
      { href: "/builds", label: "Builds", icon: Hammer, key: "b" },
      { href: "/rollouts", label: "Rollouts", icon: Send, key: "r" },
    ],
  },
  {
    label: "Run",
    items: [
      { href: "/devices", label: "Devices", icon: Radar, key: "d" },
      { href: "/fleets", label: "Fleets", icon: Tags, key: "f" },
      { href: "/latency", label: "Latency", icon: Gauge, key: "l" },
      { href: "/simulator", label: "Simulator", icon: FlaskConical, key: "u" },
    ],
  },
  {
    label: "Watch",
    items: [
      { href: "/jobs", label: "Jobs", icon: ListChecks, key: "j" },
      { href: "/audit", label: "Audit", icon: ScrollText, key: "a" },
      { href: "/settings", label: "Settings", icon: Settings, key: "s" },
    ],
  },
];

/** Of these, what fits into the bar of a phone; the rest is behind "More". */
export const phoneBar = ["/", "/rollouts", "/devices", "/latency"] as const;

export const navItems: readonly NavItem[] = navigation.flatMap((group) => group.items);

/** Whether the page at `path` belongs to the item. */
export function isCurrent(item: Pick<NavItem, "href">, path: string): boolean {
  return item.href === "/" ? path === "/" : path === item.href || path.startsWith(`${item.href}/`);
}
