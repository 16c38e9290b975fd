import { platform } from "../../../../server/db.ts";
import { handleAuth } from "../../../../server/handle-auth.ts";

export const dynamic = "force-dynamic";

const handle = (request: Request): Promise<Response> => handleAuth(platform(), request);

export { handle as GET, handle as POST };
