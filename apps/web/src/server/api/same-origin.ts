import { FleetError } from "@flotilla/protocol";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * The origin that people use to reach this app: PUBLIC_URL when set, else what the request says.
 * Hosts that a reverse proxy adds count only together with PUBLIC_URL unset.
 */
export function originOf(headers: Headers, requestUrl: string, publicUrl: string | undefined): string {
  if (publicUrl !== undefined) return publicUrl;
  const url = new URL(requestUrl);
  const host = headers.get("x-forwarded-host") ?? headers.get("host") ?? url.host;
  const protocol = headers.get("x-forwarded-proto")?.split(",")[0]?.trim() ?? url.protocol.replace(":", "");
  return `${protocol === "https" ? "https" : "http"}://${host}`;
}

/**
 * Whether a request that carries a cookie may change something: it must come from a page of ours. Browsers say so in
 * `Sec-Fetch-Site`, which no page can forge; those that do not send it must send our exact `Origin`.
 */
export function isSameOrigin(method: string, headers: Pick<Headers, "get">, ownOrigin: string): boolean {
  if (SAFE_METHODS.has(method)) return true;
  const site = headers.get("sec-fetch-site");
  const origin = headers.get("origin");
  if (site === "same-origin") return true;
  // Typed into the address bar or from a bookmark: no page asked for it, so there is no foreign origin either.
  if (site === "none") return origin === null || origin === ownOrigin;
  if (site !== null) return false;
  return origin === ownOrigin;
}

/** Throws `bad_origin` unless `isSameOrigin`. */
export function requireSameOrigin(method: string, headers: Pick<Headers, "get">, ownOrigin: string): void {
  if (isSameOrigin(method, headers, ownOrigin)) return;
  throw new FleetError("bad_origin", { public: "A change must come from a page of this app. Tools send an API key instead of a cookie." });
}
