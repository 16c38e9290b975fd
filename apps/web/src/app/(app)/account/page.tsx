import type { Metadata } from "next";
import { Page } from "../../../components/ui/page.tsx";
import { AccountView } from "../../../features/account/account-view.tsx";
import { reader } from "../../../server/db.ts";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Account" };

export default async function AccountPage() {
  const principal = await requirePrincipal();
  const user = await reader().user.findUnique({ where: { id: principal.id }, select: { email: true } });
  return <Page title="Account" wide><AccountView email={user?.email ?? ""} /></Page>;
}
