import { ShieldX } from "lucide-react";
import { LinkButton } from "../ui/button.tsx";
import { EmptyState } from "../ui/empty-state.tsx";

/** What was asked for, which right is missing, and who can give it. */
export function ForbiddenView({ reason }: { reason: string }) {
  return (
    <EmptyState icon={<ShieldX size={18} />} title="You may not see this page" isPage action={<LinkButton href="/" kind="secondary">Back to the overview</LinkButton>}>
      <p>{reason}</p>
    </EmptyState>
  );
}
