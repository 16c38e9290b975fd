import { KerasRefusal, quoted } from "./keras-refusal.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What a configuration says without any effect on inference. */
const WITHOUT_EFFECT =
  /^(name|trainable|dtype|dtype_policy|batch_input_shape|batch_shape|shape|seed|noise_shape|implementation|unroll|fused|momentum|registered_name|synchronized|virtual_batch_size|optional|.*_(initializer|regularizer|constraint)|activity_regularizer|renorm_clipping|renorm_momentum|build_config)$/;

/** Typed access to the JSON of one layer, which nobody vouches for. Remembers what was asked for, so that options nobody knows are found. */
export class ConfigReader {
  readonly #fields: Readonly<Record<string, Json>>;
  readonly #where: string;
  readonly #read = new Set<string>();

  /** `where` names the layer in reasons, e.g. `layer "conv2d" (Conv2D)`. */
  constructor(value: Json | undefined, where: string) {
    this.#fields = isObject(value) ? value : invalid(where, "has no configuration");
    this.#where = where;
  }

  /** The value as it stands; null where there is none. */
  raw(key: string): Json {
    this.#read.add(key);
    return Object.hasOwn(this.#fields, key) ? (this.#fields[key] ?? null) : null;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#fields, key) && this.#fields[key] !== null;
  }

  text(key: string, fallback?: string): string {
    return this.#typed(key, fallback, "a text", (value) => typeof value === "string");
  }

  flag(key: string, fallback?: boolean): boolean {
    return this.#typed(key, fallback, "true or false", (value) => typeof value === "boolean");
  }

  number(key: string, fallback?: number): number {
    return this.#typed(key, fallback, "a number", (value) => typeof value === "number" && Number.isFinite(value));
  }

  /** A whole number above 0, small enough for a dimension. */
  count(key: string, fallback?: number): number {
    return this.#typed(key, fallback, "a whole number above 0", isCount);
  }

  /** One count for each of `rank` axes; a single number stands for all of them. */
  counts(key: string, rank: number, fallback?: number): number[] {
    const value = this.raw(key) ?? fallback ?? null;
    if (isCount(value)) return Array.from({ length: rank }, () => value);
    if (Array.isArray(value) && value.length === rank && value.every(isCount)) return [...(value as number[])];
    return this.#refuse(key, `${rank} whole numbers above 0`);
  }

  /** What `key` holds must be one of these; anything else is an option that is refused by name. */
  oneOf<const T extends string>(key: string, choices: readonly T[], fallback?: T): T {
    const value = this.raw(key) ?? fallback ?? null;
    const chosen = choices.find((choice) => choice === value);
    return chosen ?? this.unsupported(key);
  }

  /** Refuses the option `key` with its value. */
  unsupported(key: string): never {
    throw new KerasRefusal("keras_option_unsupported", `${this.#where} has the option ${key} = ${shown(this.raw(key))}, which is not supported`);
  }

  /** Refuses options nobody has asked for, unless they have no effect or are switched off. */
  refuseUnread(): void {
    for (const [key, value] of Object.entries(this.#fields)) {
      if (this.#read.has(key) || WITHOUT_EFFECT.test(key) || value === null || value === false) continue;
      throw new KerasRefusal("keras_option_unsupported", `${this.#where} has the option ${quoted(key)} = ${shown(value)}, which is not known`);
    }
  }

  /** Says that `key` is not what it has to be. */
  #refuse(key: string, wanted: string): never {
    return invalid(this.#where, `has ${key} = ${shown(this.raw(key))} where ${wanted} should be`);
  }

  #typed<T extends Json>(key: string, fallback: T | undefined, wanted: string, fits: (value: Json) => boolean): T {
    const value = this.raw(key) ?? fallback ?? null;
    return fits(value) ? (value as T) : this.#refuse(key, wanted);
  }
}

/** A dimension beyond this could not be computed with. */
const COUNT_MAX = 2 ** 31 - 1;

function isCount(value: Json): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= COUNT_MAX;
}

export function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The own field of an object; null for anything else. */
export function field(value: Json | undefined, key: string): Json {
  return isObject(value) && Object.hasOwn(value, key) ? (value[key] ?? null) : null;
}

export function invalid(where: string, what: string): never {
  throw new KerasRefusal("keras_config_invalid", `${where} ${what}`);
}

function shown(value: Json): string {
  return typeof value === "string" ? quoted(value) : quoted(JSON.stringify(value)).slice(1, -1);
}
