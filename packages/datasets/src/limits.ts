const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** What one dataset may ask of the machine. Each bound is checked before the memory or time it stands for is spent. */
export type DatasetLimits = {
  /** Entries of an archive, directories included: one costs about a kilobyte of memory while the archive is open (measured on 30,000). */
  readonly archiveEntries: number;
  /** What all entries of an archive may inflate to, and what one compressed stream may. */
  readonly inflatedBytes: number;
  /** Inflated by compressed bytes, for what inflates to more than `ratioFromBytes`. Deflate reaches 1,032; photographs stay near 1, digits near 5. */
  readonly inflateRatio: number;
  readonly ratioFromBytes: number;
  /** A file that is read whole: an image, a sound. Streams of arrays and tables are not. */
  readonly wholeFileBytes: number;
  readonly nameCharacters: number;
  readonly folderDepth: number;
  /** One costs about 400 bytes of memory at the peak, while splits are drawn (measured on 500,000 rows). */
  readonly examples: number;
  /** One example as it is stored. */
  readonly exampleBytes: number;
  readonly classes: number;
  /** Width × height an image may declare; decoding one takes 3 to 4 bytes a pixel. */
  readonly imagePixels: number;
  readonly npyHeaderBytes: number;
  readonly dimensions: number;
  readonly tableColumns: number;
  readonly csvLineBytes: number;
  readonly audioSamples: number;
};

export const DATASET_LIMITS: DatasetLimits = {
  archiveEntries: 200_000,
  inflatedBytes: 32 * GIB,
  inflateRatio: 200,
  ratioFromBytes: 16 * MIB,
  wholeFileBytes: 64 * MIB,
  nameCharacters: 512,
  folderDepth: 16,
  examples: 1_000_000,
  exampleBytes: 64 * MIB,
  classes: 10_000,
  imagePixels: 50_000_000,
  npyHeaderBytes: 64 * 1024,
  dimensions: 8,
  tableColumns: 10_000,
  csvLineBytes: MIB,
  audioSamples: 10_000_000,
};
