import { platform } from "../../../server/db.ts";
import { forwardToGateway } from "../../../server/forward-to-gateway.ts";

export const dynamic = "force-dynamic";

const handle = (request: Request): Promise<Response> => forwardToGateway(platform(), request);

export { handle as GET, handle as HEAD, handle as PUT };
