import { z } from "@hono/zod-openapi";
import type { Tx } from "@flotilla/db";
import type { Area, Principal, Role } from "@flotilla/fleet";
import type { Platform } from "../platform.ts";

/** Who may call: anybody, anybody who is signed in, or a role in an area. Documented and tested from here; enforced in packages/fleet. */
export type Access = "anyone" | "signed_in" | { area: Area; role: Role };

type Shape = z.ZodObject;
type Parsed<T> = T extends z.ZodType ? z.output<T> : Record<string, never>;

/** What every handler gets. `tx` is one transaction in a mutation, and a plain reader in a GET. */
export type RouteContext<P, Q, B> = {
  tx: Tx;
  principal: Principal;
  params: Parsed<P>;
  query: Parsed<Q>;
  body: Parsed<B>;
  /** Of a caller with a cookie. */
  sessionId: string | null;
  request: Request;
  requestId: string;
  /** Origin under which people reach this app. */
  origin: string;
  platform: Platform;
  /** `Set-Cookie` lines of the answer, for handlers that sign somebody in. */
  cookies: string[];
  /** For handlers with `ownTransactions`: runs one transaction. */
  inTx<T>(run: (tx: Tx) => Promise<T>): Promise<T>;
};

export type RouteDefinition<P, Q, B, A> = {
  method: "get" | "post" | "put" | "patch" | "delete";
  /** Below /api/v1, with {names} for parameters. */
  path: string;
  tag: string;
  summary: string;
  access: Access;
  params?: P;
  query?: Q;
  body?: B;
  /** What a success is answered with; the schema documents and the types check it. */
  answer: A;
  /** Default 200. */
  status?: 200 | 201 | 202;
  /** The handler speaks to others than the database between its transactions, and makes them itself by `inTx`. */
  ownTransactions?: true;
  /** Takes out of a stored answer (Idempotency-Key) what may be shown only once. */
  forget?(answer: Parsed<A>): unknown;
};

export type Route = RouteDefinition<Shape | undefined, Shape | undefined, z.ZodType | undefined, z.ZodType> & {
  handle(context: RouteContext<undefined, undefined, undefined>): Promise<unknown>;
};

/** One operation of the API: what it takes, what it answers, who may call it, and what it does. */
export function defineRoute<P extends Shape | undefined = undefined, Q extends Shape | undefined = undefined, B extends z.ZodType | undefined = undefined, A extends z.ZodType = z.ZodType>(
  definition: Omit<RouteDefinition<P, Q, B, A>, "handle"> & { handle(context: RouteContext<P, Q, B>): Promise<z.input<A>> },
): Route {
  return definition as unknown as Route;
}

/** `{id}` in a path. */
export const idParams = z.object({ id: z.string().min(1).max(64).openapi({ param: { name: "id", in: "path" } }) });

/** `?cursor=&limit=` of every list. */
export const pageQuery = z.object({
  cursor: z.string().max(200).optional().openapi({ description: "nextCursor of the page before" }),
  limit: z.coerce.number().int().min(1).max(200).optional().openapi({ description: "1 to 200, default 50" }),
});

/** `{items, nextCursor}` around a view. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/** A reason that a person gives; it goes into the audit log. */
export const reasonBody = z.object({ reason: z.string().trim().max(1000).optional() });
