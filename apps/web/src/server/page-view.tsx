import "server-only";
import { notFound } from "next/navigation";
import type { ReactNode } from "react";
import { FleetError } from "@flotilla/protocol";
import { ForbiddenView } from "../components/shell/forbidden-view.tsx";

/** Runs a page's reads and renders it: what does not exist becomes the 404 page, what is not allowed says so. */
export async function pageView(render: () => Promise<ReactNode>): Promise<ReactNode> {
  try {
    return await render();
  } catch (error) {
    if (error instanceof FleetError && error.code === "not_found") notFound();
    if (error instanceof FleetError && error.code === "forbidden") return <ForbiddenView reason={error.public} />;
    throw error;
  }
}
