/**
 * How numbers, durations, sizes and times are written, in the whole dashboard. Pure: `now` is an argument.
 * Text is English with a 24-hour clock; times are in the reader's zone, which is printed where a date stands alone.
 */

const LOCALE = "en-GB";

const integer = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });

/** Shown where a value does not exist. Not 0 and not an empty cell. */
export const NO_VALUE = "–";

/** 4812 → "4,812". */
export function formatCount(value: number): string {
  return integer.format(value);
}

/** 4812 → "4,812", 1234567 → "1.2 M": for tiles and axes where the exact number stands elsewhere. */
export function formatCompact(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude < 10_000) return formatCount(value);
  if (magnitude < 1e6) return `${digits(value / 1e3)} k`;
  if (magnitude < 1e9) return `${digits(value / 1e6)} M`;
  return `${digits(value / 1e9)} G`;
}

/** "1 device", "4,812 devices". `many` defaults to `one` + "s". */
export function formatNoun(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Share of `total` in percent: "12 %", "0.4 %", "< 0.1 %"; a part is never rounded up to "100 %". */
export function formatShare(part: number, total: number): string {
  if (total <= 0) return NO_VALUE;
  return formatPercent((part / total) * 100);
}

/** 12.34 → "12 %", 0.42 → "0.4 %", 99.97 → "99.9 %". */
export function formatPercent(percent: number): string {
  if (percent === 0 || percent === 100) return `${percent} %`;
  if (percent > 0 && percent < 0.1) return "< 0.1 %";
  if (percent < 10) return `${trimZero(percent.toFixed(1))} %`;
  if (percent > 99 && percent < 100) return `${(Math.floor(percent * 10) / 10).toFixed(1)} %`;
  return `${Math.round(percent)} %`;
}

/** A latency or another measured time: 0.0421 → "0.042 ms", 12.34 → "12.3 ms", 1234 → "1.23 s". Null → "–". */
export function formatMs(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return NO_VALUE;
  if (ms === 0) return "0 ms";
  if (ms < 1000) return `${digits(ms)} ms`;
  if (ms < 60_000) return `${digits(ms / 1000)} s`;
  return formatDuration(ms);
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span of time in its two largest units: "850 ms", "12 s", "14 min", "2 h 5 min", "3 d 4 h". Negative spans count as 0. */
export function formatDuration(ms: number): string {
  const span = Math.max(0, ms);
  if (span === 0) return "0 s";
  if (span < 1000) return `${Math.round(span)} ms`;
  if (span < MINUTE) return `${Math.floor(span / 1000)} s`;
  if (span < 10 * MINUTE) return twoUnits(span, MINUTE, "min", 1000, "s");
  if (span < HOUR) return `${Math.floor(span / MINUTE)} min`;
  if (span < DAY) return twoUnits(span, HOUR, "h", MINUTE, "min");
  return twoUnits(span, DAY, "d", HOUR, "h");
}

function twoUnits(span: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((span % large) / small);
  const head = `${Math.floor(span / large)} ${largeName}`;
  return rest === 0 ? head : `${head} ${rest} ${smallName}`;
}

/** "just now", "42 s ago", "14 min ago", "3 d ago"; "in 5 min" for the future. Null → "never". */
export function formatRelative(at: string | number | Date | null, now: number): string {
  if (at === null) return "never";
  const difference = now - timeOf(at);
  const span = Math.abs(difference);
  if (span < 3000) return "just now";
  const text = largestUnit(span);
  return difference > 0 ? `${text} ago` : `in ${text}`;
}

function largestUnit(span: number): string {
  if (span < MINUTE) return `${Math.floor(span / 1000)} s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)} min`;
  if (span < DAY) return `${Math.floor(span / HOUR)} h`;
  return `${Math.floor(span / DAY)} d`;
}

/** 8388608 → "8 MiB", 4915 → "4.8 KiB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const text = unit === 0 || value >= 100 ? formatCount(value) : trimZero(value.toFixed(1));
  return `${text} ${units[unit] ?? "B"}`;
}

/** "8 MiB/s". */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

export type TimeStyle = {
  /** IANA zone; the reader's own when absent. */
  timeZone?: string | undefined;
};

/** "24 Nov 2026, 03:08:11 GMT+1": where a moment must be unmistakable (tooltips, audit). */
export function formatDateTime(at: string | number | Date, style: TimeStyle = {}): string {
  return new Intl.DateTimeFormat(LOCALE, {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
    timeZoneName: "short", ...zone(style),
  }).format(timeOf(at));
}

/** "03:08:11", or "03:08" without seconds: inside lists whose date is plain from the context. */
export function formatClock(at: string | number | Date, style: TimeStyle & { seconds?: boolean } = {}): string {
  return new Intl.DateTimeFormat(LOCALE, {
    hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(style.seconds === false ? {} : { second: "2-digit" }), ...zone(style),
  }).format(timeOf(at));
}

/** "24 Nov, 03:08": axis labels and table cells. */
export function formatDayClock(at: string | number | Date, style: TimeStyle = {}): string {
  return new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...zone(style) }).format(timeOf(at));
}

/** "24 Nov". */
export function formatDay(at: string | number | Date, style: TimeStyle = {}): string {
  return new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", ...zone(style) }).format(timeOf(at));
}

/** First 12 digits of a digest; the whole one belongs in a title or behind a copy button. */
export function shortDigest(sha256: string): string {
  return sha256.slice(0, 12);
}

function zone(style: TimeStyle): { timeZone?: string } {
  return style.timeZone === undefined ? {} : { timeZone: style.timeZone };
}

function timeOf(at: string | number | Date): number {
  return typeof at === "number" ? at : new Date(at).getTime();
}

/** Three significant digits without trailing zeros. */
function digits(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 100) return formatCount(value);
  if (magnitude >= 10) return trimZero(value.toFixed(1));
  if (magnitude >= 1) return trimZero(value.toFixed(2));
  return String(Number(value.toPrecision(2)));
}

function trimZero(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
