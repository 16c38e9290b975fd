export type { ArtifactStore, PartPlace } from "./artifact-store.ts";
export { directoryStore } from "./directory-store.ts";
export type { DirectoryStore } from "./directory-store.ts";
export { artifactStoreSettings, createArtifactBucket, openArtifactStore } from "./open-store.ts";
export type { ArtifactStoreSettings } from "./open-store.ts";
export { partPath, signUploadTicket, verifyUploadTicket } from "./upload-ticket.ts";
export type { UploadTicket } from "./upload-ticket.ts";
export { STORE_RESERVE_BYTES, UPLOAD_PART_BYTES } from "./upload-limits.ts";
export {
  checkUploadComplete, createUpload, expireUploads, failUpload, finishUpload, getUpload, notePart, placeOfPart, recordArtifacts, uploadToCommit,
} from "./upload-store.ts";
export type * from "./types.ts";
