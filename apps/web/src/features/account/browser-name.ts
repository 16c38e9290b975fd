/** "Firefox on Linux" from a User-Agent line; what it is called when nothing is recognised. */
export function browserName(userAgent: string | null): string {
  if (userAgent === null || userAgent === "") return "Unknown browser";
  const browser = [/\b(Edg)\//, /\b(OPR)\//, /\b(Firefox)\//, /\b(Chrome|Chromium|HeadlessChrome)\//, /\b(Safari)\//].map((pattern) => pattern.exec(userAgent)?.[1]).find((name) => name !== undefined);
  const system = [/(Android)/, /(iPhone|iPad)/, /(Windows)/, /(Mac OS X)/, /(Linux)/].map((pattern) => pattern.exec(userAgent)?.[1]).find((name) => name !== undefined);
  const name = browser === undefined ? (userAgent.split(/[/ ]/)[0] ?? userAgent).slice(0, 40) : ({ Edg: "Edge", OPR: "Opera", HeadlessChrome: "Chrome" }[browser] ?? browser);
  return system === undefined ? name : `${name} on ${system.replace("Mac OS X", "macOS")}`;
}

/** An IP address as people write it: IPv4 behind its IPv6 prefix bare, the longest run of zeros as "::". */
export function addressOf(address: string | null): string {
  if (address === null || address === "") return "unknown";
  const mapped = /^(?:::ffff:|0000:0000:0000:0000:0000:ffff:)(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":")) return address;
  // The URL parser writes IPv6 in its canonical form.
  return URL.canParse(`http://[${address}]`) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}
