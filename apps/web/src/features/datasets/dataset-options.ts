import type { DatasetOptionsInput } from "@flotilla/fleet";
import { splitNames } from "./dataset-words.tsx";

/** What the form holds: text as typed; "" means "find out from the files". */
export type OptionsDraft = {
  format: string; task: string; seed: string; shares: Record<(typeof splitNames)[number], string>; labelColumn: string; ignoreColumns: string; classes: string; groupPrefix: string; xKey: string; yKey: string; toleratedPercent: string;
};

export const emptyOptions: OptionsDraft = {
  format: "auto", task: "auto", seed: "1", shares: { train: "", calibration: "", validation: "", test: "" }, labelColumn: "", ignoreColumns: "", classes: "", groupPrefix: "", xKey: "", yKey: "", toleratedPercent: "",
};

/** Why the options cannot be sent; null when they can. */
export function optionsProblem(draft: OptionsDraft): string | null {
  const shares = splitNames.map((split) => draft.shares[split].trim());
  if (shares.some((share) => share !== "")) {
    const total = shares.reduce((sum, share) => sum + Number(share), 0);
    if (Number.isNaN(total) || Math.abs(total - 100) > 1e-6) return "The shares of the splits must add up to 100 %.";
  }
  if (!/^\d+$/.test(draft.seed.trim())) return "The seed is a whole number.";
  const tolerated = Number(draft.toleratedPercent);
  return Number.isNaN(tolerated) || tolerated < 0 || tolerated > 100 ? "The share of unusable examples is between 0 and 100 %." : null;
}

/** As the API takes them; what was left empty is left out. */
export function optionsOf(draft: OptionsDraft): DatasetOptionsInput {
  const list = (text: string): string[] => text.split(/[\n,]/).map((part) => part.trim()).filter((part) => part !== "");
  const hasShares = splitNames.some((split) => draft.shares[split].trim() !== "");
  return {
    ...(draft.format !== "auto" && { format: draft.format as NonNullable<DatasetOptionsInput["format"]> }),
    ...(draft.task !== "auto" && { task: draft.task as NonNullable<DatasetOptionsInput["task"]> }),
    ...(draft.seed.trim() !== "1" && { seed: Number(draft.seed) }),
    ...(hasShares && { fractions: share(draft) }),
    ...(draft.labelColumn.trim() !== "" && { labelColumn: draft.labelColumn.trim() }),
    ...(list(draft.ignoreColumns).length > 0 && { ignoreColumns: list(draft.ignoreColumns) }),
    ...(list(draft.classes).length > 0 && { classes: list(draft.classes) }),
    ...(draft.groupPrefix.trim() !== "" && { groupPrefix: draft.groupPrefix.trim() }),
    ...(draft.xKey.trim() !== "" && { xKey: draft.xKey.trim() }),
    ...(draft.yKey.trim() !== "" && { yKey: draft.yKey.trim() }),
    ...(draft.toleratedPercent.trim() !== "" && { toleratedDefects: Number(draft.toleratedPercent) / 100 }),
  };
}

function share({ shares }: OptionsDraft): NonNullable<DatasetOptionsInput["fractions"]> {
  const part = (split: (typeof splitNames)[number]): number => Number(shares[split]) / 100;
  return { train: part("train"), calibration: part("calibration"), validation: part("validation"), test: part("test") };
}
