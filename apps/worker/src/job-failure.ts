/** The job cannot reach its goal, for a reason that people should read. Anything else that a handler throws is a bug or a broken part. */
export class JobFailure extends Error {
  readonly code: string;

  constructor(code: string, sentence: string, options?: { cause?: unknown }) {
    super(sentence, options);
    this.name = "JobFailure";
    this.code = code;
  }
}
