export type { ArtifactStore, PartPlace } from "./artifact-store.ts";
export { directoryStore } from "./directory-store.ts";
export { UPLOAD_TICKET_TTL_MS, partPath, signUploadTicket, verifyUploadTicket } from "./upload-ticket.ts";
export type { UploadTicket } from "./upload-ticket.ts";
export type * from "./types.ts";
