import { operatorApi } from "../../../../server/operator-api.ts";

export const dynamic = "force-dynamic";

const handle = (request: Request): Response | Promise<Response> => operatorApi().fetch(request);

export { handle as GET, handle as POST, handle as PUT, handle as PATCH, handle as DELETE };
