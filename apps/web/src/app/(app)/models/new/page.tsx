import type { Metadata } from "next";
import { Page } from "../../../../components/ui/page.tsx";
import { textOf } from "../../../../features/sign-in/next-path.ts";
import { NewVersionView } from "../../../../features/upload/new-version-view.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata: Metadata = { title: "Upload" };

export default async function UploadPage({ searchParams }: { searchParams: Promise<Record<string, string | string[] | undefined>> }) {
  await requirePrincipal();
  const modelId = textOf((await searchParams)["model"]);
  return (
    <Page title="Upload a model" crumbs={[{ label: "Models", href: "/models" }]}>
      <NewVersionView modelId={modelId === "" ? null : modelId} />
    </Page>
  );
}
