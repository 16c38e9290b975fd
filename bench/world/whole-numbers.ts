import { basename } from "node:path";

/** A benchmark was called with something that it cannot read; the message says how it is called. */
export class UsageError extends Error {}

/**
 * The numbers given to a benchmark, in the order of `defaults`, which stand for those left out. Throws a `UsageError` for what is not a whole
 * number from 1 and for too many of them: a benchmark that counts to NaN prints numbers about nothing.
 */
export function wholeNumbers<K extends string>(defaults: Readonly<Record<K, number>>, given: readonly string[], more = ""): Record<K, number> {
  const names = Object.keys(defaults) as K[];
  const numbers: Record<K, number> = { ...defaults };
  for (const [i, name] of names.entries()) {
    const text = given[i];
    if (text === undefined) break;
    if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`${name} must be a whole number from 1 to 999999999, not "${text}"\n${usage()}`);
    numbers[name] = Number(text);
  }
  if (given.length > names.length) throw new UsageError(`too many arguments\n${usage()}`);
  return numbers;

  function usage(): string {
    return `usage: node bench/${basename(process.argv[1] ?? "")} ${names.map((name) => `[${name}]`).join(" ")}${more}   (without: ${names.map((name) => `${name} ${defaults[name]}`).join(", ")})`;
  }
}

/** The same from this program's command line; ends the program with the usage where it cannot be read. */
export function wholeNumbersOfCommandLine<K extends string>(defaults: Readonly<Record<K, number>>): Record<K, number> {
  return orExit(() => wholeNumbers(defaults, process.argv.slice(2)));
}

/** What `read` answers; a `UsageError` ends the program with its message and code 2. */
export function orExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}
