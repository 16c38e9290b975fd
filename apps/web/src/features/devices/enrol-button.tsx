import type { Route } from "next";
import { LinkButton } from "../../components/ui/button.tsx";

/** Leads to where a token and the command for a machine are made. */
export function EnrolButton() {
  return <LinkButton kind="primary" href={"/settings/enrollment" as Route}>Enrol device</LinkButton>;
}
