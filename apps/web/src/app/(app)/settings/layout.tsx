import type { ReactNode } from "react";
import { Page } from "../../../components/ui/page.tsx";
import { SettingsNav } from "../../../features/settings/settings-nav.tsx";

export default function SettingsLayout({ children }: { children: ReactNode }) {
  return (
    <Page title="Settings" wide>
      <SettingsNav />
      {children}
    </Page>
  );
}
