/** The job cannot reach its goal, for a reason that people should read. Anything else that a handler throws is a bug or a broken part. */
export class JobFailure extends Error {
  readonly code: string;
  /** The cause may pass: try again after so long, while attempts are left. */
  readonly retryInMs: number | undefined;

  constructor(code: string, sentence: string, options?: { cause?: unknown; retryInMs?: number }) {
    super(sentence, options);
    this.name = "JobFailure";
    this.code = code;
    this.retryInMs = options?.retryInMs;
  }
}
