"use client";
import { CSPProvider } from "@base-ui/react/csp-provider";
import { isServer, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { NuqsAdapter } from "nuqs/adapters/next/app";
import type { ReactNode } from "react";
import { ApiProblem } from "../../lib/api-client.ts";
import { signInAgain } from "./sign-out.ts";
import { useSystemTheme } from "./use-theme.ts";

function makeQueryClient(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError: leaveWhenSignedOut }),
    defaultOptions: {
      // The stream says when something changed; until then what is here counts.
      queries: { staleTime: 30_000, retry: shouldRetry, refetchOnWindowFocus: true },
      mutations: { onError: leaveWhenSignedOut },
    },
  });
}

/** What may pass is tried twice more; what the server refused is not. */
function shouldRetry(failures: number, error: unknown): boolean {
  if (error instanceof ApiProblem && !error.retryable) return false;
  return failures < 2;
}

function leaveWhenSignedOut(error: unknown): void {
  if (error instanceof ApiProblem && error.code === "unauthenticated" && !isServer) signInAgain();
}

let browserClient: QueryClient | undefined;

/** One per render on the server, one per tab in the browser. */
function queryClient(): QueryClient {
  return isServer ? makeQueryClient() : (browserClient ??= makeQueryClient());
}

export function Providers({ nonce, children }: { nonce: string; children: ReactNode }) {
  useSystemTheme();
  return (
    <CSPProvider nonce={nonce}>
      <NuqsAdapter>
        <QueryClientProvider client={queryClient()}>{children}</QueryClientProvider>
      </NuqsAdapter>
    </CSPProvider>
  );
}
