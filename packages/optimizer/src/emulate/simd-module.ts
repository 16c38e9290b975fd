/**
 * The inner loop of the emulator as a WebAssembly module, written out instruction by instruction (WebAssembly 2.0, vector instructions).
 * `i32x4.dot_i16x8_s` multiplies eight pairs of 16-bit integers and adds neighbours: exactly the pairs that `vpmaddubsw` of AVX2 adds
 * up in 16 bits. Clipping its sums to int16 therefore gives what such a CPU computes, eight products at a time.
 *
 * `exact` and `clipped(patches, filters, out, rows, columns, depthBytes) → events`: for each row of patches and each filter the int32
 * sum of products, row-major to `out`. All are byte addresses in the imported memory; patches and filters are int16, `depthBytes` a
 * multiple of 16, `rows` and `columns` at least 1. `events` counts the pairs that were clipped.
 */
export function simdModule(): Uint8Array {
  const bodies = [kernel(false), kernel(true)];
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section(1, [1, 0x60, 6, I32, I32, I32, I32, I32, I32, 1, I32]),
    ...section(2, [1, ...text("m"), ...text("m"), 0x02, 0x00, 1]),
    ...section(3, [bodies.length, 0, 0]),
    ...section(7, [bodies.length, ...text("exact"), 0x00, 0, ...text("clipped"), 0x00, 1]),
    ...section(10, [bodies.length, ...bodies.flatMap((body) => [...unsigned(body.length), ...body])]),
  ]);
}

const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const I32 = 0x7f;
const V128 = 0x7b;

// Parameters and locals by index.
const [PATCH, FILTERS, OUT, ROWS, COLUMNS, DEPTH, FILTER, COLUMN, K, SUM, PAIRS, EVENTS, LOW, HIGH, RAW] = Array.from({ length: 15 }, (_, index) => index) as [
  number, number, number, number, number, number, number, number, number, number, number, number, number, number, number,
];

const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
const constant = (value: number) => [0x41, ...signed(value)];
const ADD = [0x6a];
const SUBTRACT = [0x6b];
const DIFFER = [0x47];
const STORE = [0x36, 2, 0];
const END = 0x0b;
const simd = (code: number) => [0xfd, ...unsigned(code)];
const LOAD = [...simd(0x00), 4, 0];
const DOT = simd(0xba);
const ADD_LANES = simd(0xae);
const SUBTRACT_LANES = simd(0xb1);
const DIFFERS = simd(0x38);
const SPLAT = simd(0x11);
const MIN = simd(0xb6);
const MAX = simd(0xb8);
const lane = (index: number) => [...simd(0x1b), index];
const ZERO = [...simd(0x0c), ...new Array<number>(16).fill(0)];
/** Repeats the body while it leaves a number other than 0 on the stack. */
const repeat = (body: readonly number[]) => [0x03, 0x40, ...body, 0x0d, 0, END];

function kernel(clips: boolean): number[] {
  const clip = [
    set(RAW),
    [get(RAW), get(LOW), MAX, get(HIGH), MIN, set(PAIRS)],
    // A lane that was clipped compares as -1.
    [get(EVENTS), get(PAIRS), get(RAW), DIFFERS, SUBTRACT_LANES, set(EVENTS)],
  ].flat(2);
  const step = [
    [get(PATCH), get(K), ADD, LOAD, get(FILTER), get(K), ADD, LOAD, DOT],
    clips ? clip : set(PAIRS),
    [get(SUM), get(PAIRS), ADD_LANES, set(SUM)],
    // From the last 16 bytes down to the first.
    [get(K), constant(16), SUBTRACT, tee(K), constant(-16), DIFFER],
  ].flat(2);
  const column = [
    [get(DEPTH), constant(16), SUBTRACT, set(K), ZERO, set(SUM)],
    repeat(step),
    [get(OUT), laneSum(SUM), STORE, get(OUT), constant(4), ADD, set(OUT)],
    [get(FILTER), get(DEPTH), ADD, set(FILTER)],
    [get(COLUMN), constant(1), SUBTRACT, tee(COLUMN)],
  ].flat(2);
  const row = [
    [get(FILTERS), set(FILTER), get(COLUMNS), set(COLUMN)],
    repeat(column),
    [get(PATCH), get(DEPTH), ADD, set(PATCH)],
    [get(ROWS), constant(1), SUBTRACT, tee(ROWS)],
  ].flat(2);
  const locals = [2, 3, I32, 6, V128];
  const limits = [constant(-32_768), SPLAT, set(LOW), constant(32_767), SPLAT, set(HIGH)].flat();
  return [...locals, ...limits, ...repeat(row), ...laneSum(EVENTS), END];
}

function laneSum(local: number): number[] {
  return [...get(local), ...lane(0), ...[1, 2, 3].flatMap((index) => [...get(local), ...lane(index), ...ADD])];
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function text(value: string): number[] {
  return [value.length, ...Array.from(value, (letter) => letter.charCodeAt(0))];
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}
