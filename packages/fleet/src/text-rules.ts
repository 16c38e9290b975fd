import { FleetError } from "@flotilla/protocol";

// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u001f\u007f\u0080-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

/**
 * Text that people gave for a name, trimmed: 1 to `max` characters, no control characters and none that turn the
 * writing direction (they make one name look like another). Throws `bad_request` naming the field.
 */
export function nameOf(field: string, text: string, max: number): string {
  const trimmed = text.trim();
  if (trimmed.length === 0) throw new FleetError("bad_request", { public: `${field} is empty.` });
  if (trimmed.length > max) throw new FleetError("bad_request", { public: `${field} has ${trimmed.length} characters; at most ${max} are allowed.` });
  if (FORBIDDEN.test(trimmed)) throw new FleetError("bad_request", { public: `${field} holds characters that cannot be shown.` });
  return trimmed;
}

/** The same for longer free text: may be empty and may hold line breaks. */
export function textOf(field: string, text: string, max: number): string {
  const trimmed = text.replaceAll("\r\n", "\n").trim();
  if (trimmed.length > max) throw new FleetError("bad_request", { public: `${field} has ${trimmed.length} characters; at most ${max} are allowed.` });
  if (FORBIDDEN.test(trimmed.replaceAll(/[\n\t]/g, " "))) throw new FleetError("bad_request", { public: `${field} holds characters that cannot be shown.` });
  return trimmed;
}

/** Text from elsewhere as PostgreSQL can hold it: no NUL, no half of a surrogate pair; both become U+FFFD. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll("\u0000", "\ufffd");
}

/** The same for every string inside a JSON value, keys too: a hostile model may call its tensors anything. */
export function storableJson<T>(value: T): T {
  return storable(value) as T;
}

function storable(value: unknown): unknown {
  if (typeof value === "string") return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [storableText(key), storable(member)]));
}
