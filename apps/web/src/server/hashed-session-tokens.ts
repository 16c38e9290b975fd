import { createHash } from "node:crypto";
import type { prismaAdapter } from "@better-auth/prisma-adapter";

type AdapterFactory = ReturnType<typeof prismaAdapter>;
type Adapter = ReturnType<AdapterFactory>;
type Statements = Omit<Adapter, "transaction">;
type Where = NonNullable<Parameters<Adapter["findMany"]>[0]["where"]>;

/**
 * An adapter of better-auth that stores SHA-256 of each session's token, as ours are stored: who reads the database, or a copy of it, cannot sign in by what it says. better-auth has
 * no option for it, and goes on working with the tokens themselves: they are hashed in what it writes and asks for, and put back into what is found by them.
 */
export function withHashedSessionTokens(factory: AdapterFactory): AdapterFactory {
  return (options) => {
    const adapter = factory(options);
    return { ...adapter, ...hashing(adapter), transaction: (work) => adapter.transaction((tx) => work({ ...tx, ...hashing(tx) })) };
  };
}

function hashing(inner: Statements): Statements {
  return {
    ...inner,
    create: async (asked) => {
      const tokens = new Tokens(asked.model);
      return tokens.shown(await inner.create({ ...asked, data: tokens.hidden(asked.data) }));
    },
    findOne: async (asked) => {
      const tokens = new Tokens(asked.model);
      return tokens.shown(await inner.findOne({ ...asked, where: tokens.where(asked.where) }));
    },
    findMany: async <T>(asked: Parameters<Adapter["findMany"]>[0]) => {
      const tokens = new Tokens(asked.model);
      const rows = await inner.findMany<T>(asked.where === undefined ? asked : { ...asked, where: tokens.where(asked.where) });
      return rows.map((row) => tokens.shown(row));
    },
    update: async (asked) => {
      const tokens = new Tokens(asked.model);
      return tokens.shown(await inner.update({ ...asked, where: tokens.where(asked.where), update: tokens.hidden(asked.update) }));
    },
    updateMany: (asked) => {
      const tokens = new Tokens(asked.model);
      return inner.updateMany({ ...asked, where: tokens.where(asked.where), update: tokens.hidden(asked.update) });
    },
    count: (asked) => inner.count(asked.where === undefined ? asked : { ...asked, where: new Tokens(asked.model).where(asked.where) }),
    delete: (asked) => inner.delete({ ...asked, where: new Tokens(asked.model).where(asked.where) }),
    deleteMany: (asked) => inner.deleteMany({ ...asked, where: new Tokens(asked.model).where(asked.where) }),
    consumeOne: async (asked) => {
      const tokens = new Tokens(asked.model);
      return tokens.shown(await inner.consumeOne({ ...asked, where: tokens.where(asked.where) }));
    },
    incrementOne: async (asked) => {
      const tokens = new Tokens(asked.model);
      return tokens.shown(await inner.incrementOne({ ...asked, where: tokens.where(asked.where) }));
    },
  };
}

/** The tokens of one statement, by their hashes. Of other tables than `session` nothing is touched. */
class Tokens {
  readonly #isSession: boolean;
  readonly #plain = new Map<string, string>();

  constructor(model: string) {
    this.#isSession = model === "session";
  }

  /** Values to be written, with the token hashed. */
  hidden<T extends Record<string, unknown>>(values: T): T {
    return this.#isSession && typeof values["token"] === "string" ? { ...values, token: this.#hash(values["token"]) } : values;
  }

  where(conditions: Where): Where {
    if (!this.#isSession) return conditions;
    return conditions.map((condition) => {
      if (condition.field !== "token") return condition;
      const { value } = condition;
      return { ...condition, value: Array.isArray(value) ? value.map((token) => this.#hash(String(token))) : this.#hash(String(value)) };
    });
  }

  /** A row that was found, with the token by which it was asked for; what nobody named stays hashed. */
  shown<T>(row: T): T {
    if (!this.#isSession || typeof row !== "object" || row === null || !("token" in row)) return row;
    return { ...row, token: this.#plain.get(String(row.token)) ?? row.token };
  }

  #hash(token: string): string {
    const hash = createHash("sha256").update(token).digest("hex");
    this.#plain.set(hash, token);
    return hash;
  }
}
