import { GeistMono } from "geist/font/mono";
import { GeistSans } from "geist/font/sans";
import type { Metadata, Viewport } from "next";
import { headers } from "next/headers";
import type { ReactNode } from "react";
import { Providers } from "../components/shell/providers.tsx";
import { themeScript } from "../components/shell/theme-script.ts";
import { earlyInputScript } from "../components/ui/early-input-script.ts";
import "./globals.css";

export const metadata: Metadata = { title: { template: "%s · Flotilla", default: "Flotilla" }, description: "Edge ML for fleets: models, builds, rollouts, latency." };
export const viewport: Viewport = { width: "device-width", initialScale: 1, themeColor: [{ media: "(prefers-color-scheme: light)", color: "#fafafb" }, { media: "(prefers-color-scheme: dark)", color: "#0e1014" }] };

export default async function RootLayout({ children }: { children: ReactNode }) {
  const nonce = (await headers()).get("x-nonce") ?? "";
  return (
    <html lang="en" data-theme="light" className={`${GeistSans.variable} ${GeistMono.variable}`} suppressHydrationWarning>
      <head>
        <script nonce={nonce} suppressHydrationWarning dangerouslySetInnerHTML={{ __html: `${themeScript};${earlyInputScript}` }} />
      </head>
      <body>
        <Providers nonce={nonce}>
          <div className="app-root">{children}</div>
        </Providers>
      </body>
    </html>
  );
}
