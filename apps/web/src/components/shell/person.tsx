"use client";
import { createContext, use, type ReactNode } from "react";

export type Person = { name: string; role: "viewer" | "operator" | "admin" };

const PersonContext = createContext<Person>({ name: "", role: "viewer" });
const rank = { viewer: 0, operator: 1, admin: 2 } as const;

export function PersonProvider({ person, children }: { person: Person; children: ReactNode }) {
  return <PersonContext value={person}>{children}</PersonContext>;
}

/** Who is signed in. */
export function usePerson(): Person {
  return use(PersonContext);
}

/**
 * Why somebody may not do what needs `role`; undefined when they may. For showing only: the server decides by itself.
 * A button that gets it as `title` and `disabled` says why it cannot act.
 */
export function useMissingRole(role: Person["role"]): string | undefined {
  const person = usePerson();
  return rank[person.role] >= rank[role] ? undefined : `This needs the role ${role}; you are ${person.role}. An admin can change that under Settings, People.`;
}
