import { TrainingPage } from "../../../../features/training/training-page.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata = { title: "Training" };

export default async function Training({ params }: { params: Promise<{ id: string }> }) {
  await requirePrincipal();
  return <TrainingPage id={(await params).id} />;
}
