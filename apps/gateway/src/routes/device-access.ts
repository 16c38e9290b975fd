import { FleetError, PROTOCOL_VERSION, enrollProof, enrollRequestSchema, tokenProof, tokenRequestSchema } from "@flotilla/protocol";
import { refuseRevoked } from "../authenticate.ts";
import type { Call, Gateway } from "../context.ts";
import { DEVICE_TOKEN_TTL_SECONDS } from "../device-token.ts";
import { sendJson } from "../http/answer.ts";
import { readJson } from "../http/body.ts";
import { parsed } from "../http/parsed.ts";
import { checkProof } from "../proof.ts";

const BODY_BYTES = 16 * 1024;

/** GET /device/v1/nonce */
export function getNonce(gateway: Gateway, { res }: Call): void {
  sendJson(res, 200, { nonce: gateway.nonces.issue(Date.now()) });
}

/** POST /device/v1/enroll: the device shows that it holds the key it enrols; the token lets it in. */
export async function enroll(gateway: Gateway, { req, res, requestId }: Call): Promise<void> {
  await gateway.slots.enrolments.use(async () => {
    const request = parsed(enrollRequestSchema, await readJson(req, BODY_BYTES));
    if (request.protocol > PROTOCOL_VERSION) throw new FleetError("protocol_unsupported", { public: `This server speaks protocol ${PROTOCOL_VERSION}.` });
    gateway.nonces.check(request.nonce, Date.now());
    checkProof(request.publicKey, enrollProof(request), request.signature);
    await gateway.nonces.take(request.nonce, Date.now());
    const enrolment = await gateway.enrolments.add({ request, requestId });
    if (enrolment.kind === "refused") throw enrolment.error;
    if (enrolment.kind === "key_change_pending") {
      gateway.log.warn({ deviceId: enrolment.deviceId, requestId }, "a known device came with another key; a person must decide");
      throw new FleetError("key_change_pending", { public: "A device of this name is known with another key. A person must approve the new one.", extra: { retryAfterMs: 15_000 } });
    }
    gateway.log.info({ deviceId: enrolment.deviceId, requestId }, "a device enrolled");
    sendJson(res, 200, { deviceId: enrolment.deviceId, name: request.name });
  });
}

/** POST /device/v1/token: a signed nonce for 15 minutes of access. */
export async function issueToken(gateway: Gateway, { req, res }: Call): Promise<void> {
  const request = parsed(tokenRequestSchema, await readJson(req, BODY_BYTES));
  const device = await gateway.registry.get(request.deviceId);
  if (device === null) throw new FleetError("device_unknown", { public: "This device is not enrolled here." });
  refuseRevoked(device);
  gateway.nonces.check(request.nonce, Date.now());
  checkProof(device.entry.publicKey, tokenProof(request), request.signature);
  await gateway.nonces.take(request.nonce, Date.now());
  const token = gateway.tokens.sign({ deviceId: device.deviceId, generation: device.entry.generation }, Date.now());
  sendJson(res, 200, { token, expiresInSeconds: DEVICE_TOKEN_TTL_SECONDS });
}
