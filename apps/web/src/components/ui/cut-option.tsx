import type { Page } from "@flotilla/fleet";
import { CHOICES_MAX } from "../../lib/choices.ts";
import { formatCount } from "../../lib/format.ts";

/** Ends the options of a list that goes on behind what it holds. */
export function CutOption({ of: page }: { of: Page<unknown> | undefined }) {
  return page == null || page.nextCursor === null ? null : <option disabled>the newest {formatCount(CHOICES_MAX)} are listed</option>;
}
