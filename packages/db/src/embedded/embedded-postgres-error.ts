export type EmbeddedPostgresProblem =
  | "unsupported_machine"
  /** Another process that is alive uses this data folder. */
  | "in_use"
  /** The folder was made by another major version. */
  | "other_version"
  /** The folder cannot be written or is not what it should be. */
  | "bad_folder"
  /** Root, and no way to run PostgreSQL as somebody else. */
  | "cannot_leave_root"
  /** PostgreSQL did not come up; the message holds the end of its log. */
  | "did_not_start";

/** Thrown by `startEmbeddedPostgres`; the message is a sentence for the person at the terminal. */
export class EmbeddedPostgresError extends Error {
  readonly problem: EmbeddedPostgresProblem;

  constructor(problem: EmbeddedPostgresProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EmbeddedPostgresError";
    this.problem = problem;
  }
}
