import { countUsers } from "@flotilla/fleet";
import type { Metadata } from "next";
import { FirstAdminForm } from "../../features/sign-in/first-admin-form.tsx";
import { GatePage } from "../../features/sign-in/gate-page.tsx";
import { textOf } from "../../features/sign-in/next-path.ts";
import { Notice } from "../../components/ui/notice.tsx";
import { LinkButton } from "../../components/ui/button.tsx";
import { reader } from "../../server/db.ts";

export const metadata: Metadata = { title: "Welcome", referrer: "no-referrer" };

export default async function WelcomePage({ searchParams }: { searchParams: Promise<Record<string, string | string[] | undefined>> }) {
  const token = textOf((await searchParams)["token"]);
  const isTaken = (await countUsers(reader())) > 0;
  return (
    <GatePage title="Welcome to Flotilla" lead={isTaken ? undefined : "Make the first admin. Everybody else is added by them."}>
      {isTaken ? <Notice tone="info" title="This installation has an admin already" action={<LinkButton href="/sign-in" kind="primary" size="sm">Sign in</LinkButton>}>The first-run link works once.</Notice> : <FirstAdminForm token={token} />}
    </GatePage>
  );
}
