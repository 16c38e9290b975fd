/** Bounds of what a Keras file may ask for. They keep a hostile file cheap; no network that fits a device comes near. */
export type KerasLimits = {
  /** Of the whole file, and of the weights inside an archive. */
  readonly fileBytes: number;
  /** Characters of the JSON text that describes the network. */
  readonly configCharacters: number;
  readonly layers: number;
  /** Of all weights together, in elements of four bytes. */
  readonly weightElements: number;
  /** How often weights may outgrow the file that holds them: compressed zeros, or values that are not stored at all. */
  readonly growth: number;
};

export const KERAS_LIMITS: KerasLimits = {
  fileBytes: 2 ** 30,
  configCharacters: 16 * 2 ** 20,
  layers: 5_000,
  weightElements: 2 ** 28,
  growth: 200,
};

/** Small files may grow by so many bytes whatever the ratio. */
export const GROWTH_ALLOWANCE_BYTES = 2 ** 20;
