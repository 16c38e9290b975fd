/** One page of a keyset-paginated list. `nextCursor` null means the end. */
export type Page<T> = { items: T[]; nextCursor: string | null };

/** What every list takes. `limit` 1 to 200, default 50. */
export type PageInput = { cursor?: string | undefined; limit?: number | undefined };
