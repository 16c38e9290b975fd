import { Compass } from "lucide-react";
import { LinkButton } from "../../components/ui/button.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";

export default function NotFound() {
  return (
    <div className="grid min-h-[60dvh] place-items-center">
      <EmptyState icon={<Compass size={18} />} title="There is nothing here" isPage action={<LinkButton href="/" kind="primary">Back to the overview</LinkButton>}>
        <p>The address is wrong, or what it named was removed.</p>
      </EmptyState>
    </div>
  );
}
