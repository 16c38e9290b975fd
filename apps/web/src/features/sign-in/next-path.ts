type Param = string | string[] | undefined;

/** A query parameter as text; a repeated one counts once. */
export function textOf(param: Param): string {
  return (Array.isArray(param) ? param[0] : param) ?? "";
}

/** Where to go after signing in: a path of this app, never another site. */
export function safeNextPath(param: Param): string {
  const text = textOf(param);
  if (!text.startsWith("/") || text.startsWith("//") || text.includes("\\") || /\p{Cc}/u.test(text)) return "/";
  const { origin, pathname, search } = new URL(text, "http://app.invalid");
  if (origin !== "http://app.invalid" || pathname.startsWith("//") || pathname.startsWith("/sign-in") || pathname.startsWith("/api/")) return "/";
  return pathname + search;
}
