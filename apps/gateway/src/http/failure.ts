import type { IncomingMessage, ServerResponse } from "node:http";
import { FleetError } from "@flotilla/protocol";
import type { Gateway } from "../context.ts";
import { sendProblem } from "./answer.ts";

/** Counts a failed request, logs what nobody expected, and answers with a problem document. */
export function answerFailure(gateway: Gateway, req: IncomingMessage, res: ServerResponse, error: unknown, requestId: string): void {
  const isExpected = error instanceof FleetError;
  gateway.counters.refused += 1;
  gateway.metrics.refused(isExpected ? error.code : "internal");
  if (!isExpected || error.status >= 500) gateway.log.error({ err: error, requestId, path: req.url?.split("?")[0]?.slice(0, 200) }, "a request failed");
  if (!res.headersSent) res.setHeader("x-request-id", requestId);
  sendProblem(req, res, error, requestId);
}
