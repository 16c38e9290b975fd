import type { DefectLog } from "../defect-log.ts";
import type { DatasetLimits } from "../limits.ts";
import type { SourceFile } from "../source/source-file.ts";
import type { DatasetOptions } from "../types.ts";

/** What every reader gets. */
export type ReaderContext = {
  readonly files: readonly SourceFile[];
  readonly options: DatasetOptions;
  readonly limits: DatasetLimits;
  readonly defects: DefectLog;
  /** A new path in a private place, for bytes that have to be read in another order than they come. */
  readonly newScratchPath: () => string;
};
