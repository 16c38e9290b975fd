import type { Metadata, Route } from "next";
import { LinkButton } from "../../../components/ui/button.tsx";
import { Page } from "../../../components/ui/page.tsx";
import { BuildsPage } from "../../../features/builds/builds-page.tsx";

export const metadata: Metadata = { title: "Builds" };

export default function BuildsRoute() {
  return <Page title="Builds" subtitle="What can be shipped: immutable, named by digest" wide actions={<LinkButton kind="primary" href={"/builds/new" as Route}>New build</LinkButton>}><BuildsPage /></Page>;
}
