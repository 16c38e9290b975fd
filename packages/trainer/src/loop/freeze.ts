/** Matrices of a formula that is part of a template, such as a Fourier transform. */
const NEVER = ["fixed/*"];

/** Whether a weight is learnt: none of the patterns names it ("*" stands for any part of a name). */
export function isLearnt(freeze: readonly string[]): (initializer: string) => boolean {
  const patterns = [...NEVER, ...freeze].map((pattern) => new RegExp(`^${pattern.split("*").map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join(".*")}$`));
  return (initializer) => !patterns.some((pattern) => pattern.test(initializer));
}
