import type { Metadata } from "next";
import { redirect } from "next/navigation";
import type { Route } from "next";
import { GatePage } from "../../features/sign-in/gate-page.tsx";
import { safeNextPath } from "../../features/sign-in/next-path.ts";
import { SignInForm } from "../../features/sign-in/sign-in-form.tsx";
import { currentPrincipal } from "../../server/session.ts";

export const metadata: Metadata = { title: "Sign in" };

export default async function SignInPage({ searchParams }: { searchParams: Promise<Record<string, string | string[] | undefined>> }) {
  const next = safeNextPath((await searchParams)["next"]);
  if ((await currentPrincipal()) !== null) redirect(next as Route);
  return (
    <GatePage title="Sign in">
      <SignInForm next={next} />
    </GatePage>
  );
}
