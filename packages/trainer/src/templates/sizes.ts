/** The sizes that templates come in. */
export const SIZES = [{ id: "small", title: "Small" }, { id: "medium", title: "Medium" }, { id: "large", title: "Large" }] as const;

export type Size = (typeof SIZES)[number]["id"];

/** What a size means for one template; sizes nobody knows are the medium one. */
export function ofSize<T>(preset: string, table: Readonly<Record<Size, T>>): T {
  return preset === "small" || preset === "large" ? table[preset] : table.medium;
}
