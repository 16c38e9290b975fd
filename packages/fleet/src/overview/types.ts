/** Facts of the front page that no other list holds. */
export type OverviewFacts = {
  /** Versions that were refused lately, newest first. */
  rejectedVersions: { id: string; modelId: string; modelName: string; number: number; rejectReason: string | null; decidedAt: string | null }[];
  /** Known devices that came with another key and wait for a person, oldest first. */
  keyChanges: { deviceId: string; deviceName: string; createdAt: string }[];
  /** First steps of an installation; each stays true once it happened. */
  firstSteps: { enrolled: boolean; uploaded: boolean; rolledOut: boolean };
};
