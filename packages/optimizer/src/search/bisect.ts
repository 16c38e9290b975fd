/** `count`: the least that was enough, null when none was. `isCut`: time was over before it was certain. */
export type Bisection = { readonly count: number | null; readonly isCut: boolean };

/**
 * The least number from 0 to `most` for which `isEnough` holds, taking for granted that more is never worse: asks for 0, then halves, at
 * most 2 + log₂(most) questions. The answer null means that time is over: the least number that was enough so far counts then.
 */
export async function leastEnough(most: number, isEnough: (count: number) => Promise<boolean | null>): Promise<Bisection> {
  const first = await isEnough(0);
  if (first !== false) return { count: first === true ? 0 : null, isCut: first === null };
  let [low, high] = [0, most + 1];
  const found = () => (high > most ? null : high);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const answer = await isEnough(middle);
    if (answer === null) return { count: found(), isCut: true };
    if (answer) high = middle;
    else low = middle;
  }
  return { count: found(), isCut: false };
}
