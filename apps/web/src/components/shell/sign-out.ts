/** Ends the session and leaves everything of it behind, also what this tab has in memory. */
export async function signOut(): Promise<void> {
  await fetch("/api/auth/sign-out", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }).catch(() => undefined);
  location.assign("/sign-in");
}
