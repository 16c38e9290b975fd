import { Skeleton, TableSkeleton } from "../../components/ui/skeleton.tsx";

/** While a page's data is read: the frame of every page, so that a click answers at once. */
export default function Loading() {
  return (
    <div className="mx-auto w-full max-w-[1680px] px-4 py-5 sm:px-6" aria-busy="true">
      <Skeleton className="mb-6 h-7 w-40" />
      <div className="rounded-lg border bg-surface"><TableSkeleton rows={10} /></div>
    </div>
  );
}
