/** An upload as its sender sees it. Parts are numbered from 1; the last one may be shorter. */
export type UploadView = {
  uploadId: string; filename: string; sizeBytes: number; sha256: string; partSizeBytes: number; partCount: number;
  state: "open" | "complete" | "failed" | "expired";
  failure: string | null;
  /** Numbers of the parts that have arrived. */
  receivedParts: number[];
  /** PUT `{partUrl}/{n}`; carries a ticket that lives 15 minutes. Null unless open. */
  partUrl: string | null;
  /** True when the same bytes were in the store already: nothing needs to be sent. */
  duplicate: boolean;
};
