/** This tab is on its way out: what is answered to a session that has just ended must not lead it elsewhere. */
let isLeaving = false;

/** Ends the session and leaves everything of it behind, also what this tab has in memory. */
export async function signOut(): Promise<void> {
  isLeaving = true;
  // A page that the browser kept and shows again is as any other.
  addEventListener("pageshow", () => { isLeaving = false; }, { once: true });
  await fetch("/api/auth/sign-out", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }).catch(() => undefined);
  location.assign("/sign-in");
}

/** When the session has ended by itself: signing in again leads back here. */
export function signInAgain(): void {
  if (isLeaving || location.pathname.startsWith("/sign-in")) return;
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
}
