import { parseAsBoolean, parseAsFloat, parseAsStringLiteral } from "nuqs";

/** How curves are looked at stands in the address, so that it can be sent to a colleague. */
export const curveParams = {
  x: parseAsStringLiteral(["epoch", "step", "time"] as const).withDefault("epoch"),
  scale: parseAsStringLiteral(["linear", "log"] as const).withDefault("linear"),
  smooth: parseAsBoolean.withDefault(false),
  /** Ends of the zoom, in what `x` counts. */
  from: parseAsFloat, to: parseAsFloat,
};
