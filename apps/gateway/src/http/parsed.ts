import { FleetError } from "@flotilla/protocol";
import type { z } from "zod";

const SHOWN_ISSUES = 3;

/** The value in the schema's form. Throws `bad_request` naming the first few faults and where they are. */
export function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, SHOWN_ISSUES).map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`);
  throw new FleetError("bad_request", { public: `The message is not of the protocol. ${issues.join("; ")}`.slice(0, 1000) });
}
