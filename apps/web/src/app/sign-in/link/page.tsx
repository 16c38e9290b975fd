import type { Metadata } from "next";
import { GatePage } from "../../../features/sign-in/gate-page.tsx";
import { ChoosePasswordForm } from "../../../features/sign-in/choose-password-form.tsx";
import { RedeemLink } from "../../../features/sign-in/redeem-link.tsx";
import { textOf } from "../../../features/sign-in/next-path.ts";

export const metadata: Metadata = { title: "Sign in", referrer: "no-referrer" };

/** Opening the link uses nothing up: mail scanners open links too. The page sends the token itself. */
export default async function LinkPage({ searchParams }: { searchParams: Promise<Record<string, string | string[] | undefined>> }) {
  const query = await searchParams;
  const token = textOf(query["token"]);
  const choosesPassword = textOf(query["choose"]) === "password";
  return (
    <GatePage title={choosesPassword ? "Choose your password" : "Signing in"}>
      {choosesPassword ? <ChoosePasswordForm token={token} /> : <RedeemLink token={token} />}
    </GatePage>
  );
}
