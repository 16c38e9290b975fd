import type { DatasetRefusalCode } from "./dataset-refusal.ts";
import { DatasetRefusal } from "./dataset-refusal.ts";
import type { DatasetWarning } from "./types.ts";

const PLACES = 10;
/** Beyond this many nothing is tolerated any more, whatever the size of the set: somebody has to look. */
const MOST_DEFECTS = 10_000;

type Noted = { count: number; readonly sentence: string; readonly places: string[]; readonly isDefect: boolean };

/** Counts what is wrong with single examples, and refuses the whole once it is too much. */
export class DefectLog {
  readonly #toleratedShare: number;
  readonly #noted = new Map<string, Noted>();
  #defects = 0;

  /** `toleratedShare` of all examples may be left out. */
  constructor(toleratedShare: number) {
    this.#toleratedShare = toleratedShare;
  }

  /**
   * An example that is left out. `sentence` says what to do about this kind of defect; `place` is where. `expected`, when known, is
   * how many examples there will be: it lets a hopeless file end early, once there are enough places to show.
   */
  leaveOut(code: DatasetRefusalCode, sentence: string, place: string, expected?: number): void {
    this.#note(code, sentence, place, true);
    this.#defects += 1;
    if (this.#defects > MOST_DEFECTS) this.#refuse(null);
    if (expected !== undefined && this.#defects > Math.max(PLACES, this.#toleratedShare * expected)) this.#refuse(expected, "at least ");
  }

  /** Worth knowing; costs no example. */
  note(code: string, sentence: string, place: string): void {
    this.#note(code, sentence, place, false);
  }

  /** Call when all examples have been seen. */
  settle(usableExamples: number): void {
    const all = usableExamples + this.#defects;
    if (this.#defects > this.#toleratedShare * all) this.#refuse(all);
  }

  get warnings(): DatasetWarning[] {
    return [...this.#noted].map(([code, { count, sentence, places }]) => ({ code, count, sentence, places }));
  }

  #note(code: string, sentence: string, place: string, isDefect: boolean): void {
    const known = this.#noted.get(code);
    if (known) {
      known.count += 1;
      if (known.places.length < PLACES) known.places.push(place);
    } else {
      this.#noted.set(code, { count: 1, sentence, places: [place], isDefect });
    }
  }

  #refuse(examples: number | null, soFar = ""): never {
    const [code, worst] = [...this.#noted].filter(([, noted]) => noted.isDefect).reduce((one, other) => (other[1].count > one[1].count ? other : one));
    const seen = examples === null ? `${this.#defects.toLocaleString("en-US")} examples` : `${this.#defects.toLocaleString("en-US")} of ${examples.toLocaleString("en-US")} examples`;
    const more = worst.count > worst.places.length ? " …" : "";
    throw new DatasetRefusal(
      code as DatasetRefusalCode,
      `${soFar}${seen} cannot be used, more than the ${(100 * this.#toleratedShare).toFixed(0)} % that are tolerated. ${worst.sentence} Found at: ${worst.places.join(", ")}${more}.`,
    );
  }
}
