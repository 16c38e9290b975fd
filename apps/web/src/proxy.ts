import { NextResponse, type NextRequest } from "next/server";

// Headers only. Who may see what is decided by packages/fleet, for each call: without this file nothing is more open.
// The matcher leaves out /api and /artifacts: where a proxy matches, Next cuts bodies at 10 MB without an error.

/** Gives each page its Content-Security-Policy with a fresh nonce, which Next puts on its own scripts. */
export function proxy(request: NextRequest): NextResponse {
  // Pages are read; there are no Server Actions, and a form that is sent before its script runs must not reach anything.
  if (request.method !== "GET" && request.method !== "HEAD") return new NextResponse(null, { status: 405, headers: { allow: "GET, HEAD" } });
  const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64");
  const policy = policyFor(nonce, IS_DEV);
  const headers = new Headers(request.headers);
  headers.set("x-nonce", nonce);
  headers.set("x-flotilla-path", request.nextUrl.pathname + request.nextUrl.search);
  headers.set("content-security-policy", policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set("content-security-policy", policy);
  response.headers.set("x-content-type-options", "nosniff");
  response.headers.set("x-frame-options", "DENY");
  response.headers.set("referrer-policy", "same-origin");
  response.headers.set("cross-origin-opener-policy", "same-origin");
  response.headers.set("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()");
  return response;
}

// Next replaces this at build time; it is no setting.
// oxlint-disable-next-line node/no-process-env
const IS_DEV = process.env.NODE_ENV === "development";

function policyFor(nonce: string, isDev: boolean): string {
  return [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${isDev ? " 'unsafe-eval'" : ""}`,
    // Positions of popups and widths of bars are style attributes; style elements need the nonce.
    isDev ? "style-src 'self' 'unsafe-inline'" : `style-src 'self' 'nonce-${nonce}'`,
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}

export const config = {
  matcher: ["/((?!api/|api$|artifacts/|_next/static|_next/image|icon.svg|favicon.ico).*)"],
};
