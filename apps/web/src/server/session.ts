import "server-only";
import type { Route } from "next";
import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { cache } from "react";
import type { Principal } from "@flotilla/fleet";
import { callerOf } from "./caller.ts";
import { platform } from "./db.ts";

/** Who is looking at the page; null when nobody is signed in. Asked once per request. */
export const currentPrincipal = cache(async (): Promise<Principal | null> => {
  const given = await headers();
  // Pages are for people: a key in the header does not open them.
  const ofPage = new Headers();
  const cookie = given.get("cookie");
  if (cookie !== null) ofPage.set("cookie", cookie);
  const caller = await callerOf(platform(), ofPage, "page");
  return caller.principal;
});

/** The same for pages that need somebody: sends others to the sign-in page and back afterwards. */
export async function requirePrincipal(): Promise<Principal> {
  const principal = await currentPrincipal();
  if (principal !== null) return principal;
  const path = (await headers()).get("x-flotilla-path") ?? "/";
  redirect((path === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(path)}`) as Route);
}
