import type { Augmentation } from "../recipe.ts";

/** Whether an example is changed on its own; blending of pairs is the batch's affair. */
export function isAugmenting({ shift, rotateDegrees, scale, flip, cropPixels = 0, brightness, contrast, noise }: Augmentation): boolean {
  return flip || [shift, rotateDegrees, scale, cropPixels, brightness, contrast, noise].some((amount) => amount > 0);
}

/** Where the pixels of a tensor without batch lie: [channels, height, width] or [height, width, channels]; null for anything else. */
function imageOf(dims: readonly number[]): { channels: number; height: number; width: number; isLast: boolean } | null {
  const [a = 0, b = 0, c = 0] = dims;
  if (dims.length !== 3) return null;
  if (a <= 4) return { channels: a, height: b, width: c, isLast: false };
  return c <= 4 ? { channels: c, height: a, width: b, isLast: true } : null;
}

/**
 * An example as it is seen this time: turned, scaled, shifted and mirrored about its middle, cropped, brighter or with more contrast, with noise. All is drawn from `next`, the same number of
 * draws whatever is asked for but crop and noise. Images are tensors of three dimensions with at most four channels, first or last; of others only noise is changed.
 */
export function augmented(values: Float32Array, dims: readonly number[], augmentation: Augmentation, next: () => number): Float32Array {
  const { cropPixels = 0 } = augmentation;
  const around = (share: number): number => share * (2 * next() - 1);
  const within = (most: number): number => Math.floor((2 * most + 1) * next()) - most;
  const turn = { radians: (around(augmentation.rotateDegrees) * Math.PI) / 180, scale: 1 + around(augmentation.scale), right: around(augmentation.shift), down: around(augmentation.shift), isFlipped: next() < 0.5 && augmentation.flip };
  const [brightness, contrast] = [around(augmentation.brightness), 1 + around(augmentation.contrast)];
  const image = imageOf(dims);
  const isMoved = turn.radians !== 0 || turn.scale !== 1 || turn.right !== 0 || turn.down !== 0 || turn.isFlipped;
  const whole = image !== null && isMoved ? warped(values, image, turn) : Float32Array.from(values);
  const moved = image !== null && cropPixels > 0 ? cropped(whole, image, { right: within(cropPixels), down: within(cropPixels) }) : whole;
  const range = rangeOf(values);
  if (image !== null && (brightness !== 0 || contrast !== 1)) {
    const mean = moved.reduce((sum, value) => sum + value, 0) / Math.max(1, moved.length);
    for (let i = 0; i < moved.length; i += 1) moved[i] = (moved[i] ?? 0) * contrast + (1 - contrast) * mean + brightness * range;
  }
  if (augmentation.noise > 0) for (let i = 0; i < moved.length; i += 1) moved[i] = (moved[i] ?? 0) + augmentation.noise * range * normal(next);
  return moved;
}

function rangeOf(values: Float32Array): number {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return high > low ? high - low : 1;
}

/** Box and Muller 1958. */
function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

type Image = NonNullable<ReturnType<typeof imageOf>>;

const placeOf = ({ channels, height, width, isLast }: Image) => (c: number, y: number, x: number): number => (isLast ? (y * width + x) * channels + c : (c * height + y) * width + x);

/** The part that begins so many pixels right of and below the image's corner; what lies beyond its edge is like the edge. */
function cropped(values: Float32Array, image: Image, { right, down }: { right: number; down: number }): Float32Array {
  const { channels, height, width } = image;
  const at = placeOf(image);
  const result = new Float32Array(values.length);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [fromX, fromY] = [Math.min(Math.max(x + right, 0), width - 1), Math.min(Math.max(y + down, 0), height - 1)];
      for (let c = 0; c < channels; c += 1) result[at(c, y, x)] = values[at(c, fromY, fromX)] ?? 0;
    }
  }
  return result;
}

type Turn = { radians: number; scale: number; right: number; down: number; isFlipped: boolean };

/** Each pixel is taken from where it was, between its four neighbours; what comes from outside is the value of the nearest corner's edge. */
function warped(values: Float32Array, image: Image, turn: Turn): Float32Array {
  const { channels, height, width } = image;
  const result = new Float32Array(values.length);
  const [cos, sin] = [Math.cos(turn.radians) / turn.scale, Math.sin(turn.radians) / turn.scale];
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  const at = placeOf(image);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [dx, dy] = [(turn.isFlipped ? width - 1 - x : x) - middleX - turn.right * width, y - middleY - turn.down * height];
      const fromX = Math.min(Math.max(middleX + cos * dx + sin * dy, 0), width - 1);
      const fromY = Math.min(Math.max(middleY - sin * dx + cos * dy, 0), height - 1);
      const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
      const [right, bottom] = [Math.min(left + 1, width - 1), Math.min(top + 1, height - 1)];
      const [shareX, shareY] = [fromX - left, fromY - top];
      for (let c = 0; c < channels; c += 1) {
        const above = (values[at(c, top, left)] ?? 0) * (1 - shareX) + (values[at(c, top, right)] ?? 0) * shareX;
        const below = (values[at(c, bottom, left)] ?? 0) * (1 - shareX) + (values[at(c, bottom, right)] ?? 0) * shareX;
        result[at(c, y, x)] = above * (1 - shareY) + below * shareY;
      }
    }
  }
  return result;
}
