import type { BuildManifest, BuildSettings } from "@flotilla/protocol";

export type BuildView = {
  id: string; name: string; state: "pending" | "ready" | "failed"; failure: string | null;
  settings: BuildSettings; manifestSha256: string | null; manifest: BuildManifest | null; jobId: string | null;
  createdAt: string; createdByName: string;
  variants: { versionId: string; modelName: string; number: number; classes: string[]; sizeBytes: number }[];
  /** Devices that attest to run it. */
  runningDevices: number;
  rollouts: { id: string; name: string; state: string }[];
};
