import { openDataset, parsePreprocessing, preprocess, type Dataset } from "@flotilla/datasets";
import type { Preprocessing, Split } from "@flotilla/fleet";
import type { Tensor, Tensors, TensorSpec } from "@flotilla/runtime";

/** Examples of a dataset as a model takes them. Reading an index again gives the same example. */
export type DatasetExamples = {
  readonly count: number;
  /** `label`: the class; `value`: what is to be predicted, where the examples are for regression. */
  read(index: number): Promise<{ readonly feeds: Tensors; readonly label: number | null; readonly value: number | null }>;
  close(): Promise<void>;
};

/** An expected mismatch between a model and the examples it is given. `code` lets the parent process tell it from a bug. */
export class ExamplesRefusal extends Error {
  readonly code = "examples_do_not_fit";
}

/**
 * Opens a split for a model with these inputs. With a `limit` examples are spread evenly over the split, so that every version sees the
 * same ones. Throws `ExamplesRefusal` when the model wants more than one input, or none of the name that was said.
 */
export async function openExamples(options: { datasetPath: string; split: Split; limit: number | null; preprocessing: Preprocessing; inputs: readonly TensorSpec[] }): Promise<DatasetExamples> {
  const { input: wanted, output: _, ...steps } = options.preprocessing;
  const spec = inputOf(options.inputs, wanted);
  const parsed = parsePreprocessing(steps);
  const dataset = await openDataset(options.datasetPath);
  const indices = spread(dataset.count(options.split), options.limit);
  return {
    count: indices.length,
    async read(index) {
      const example = await dataset.read(options.split, indices[index] ?? index);
      const { elementType, shape, data } = preprocess(example, parsed);
      return { feeds: { [spec.name]: { elementType, shape: fitted(spec.shape, shape), data } satisfies Tensor }, label: labelOf(dataset, example.label), value: dataset.header.task === "regression" ? example.label : null };
    },
    close: () => dataset.close(),
  };
}

function inputOf(inputs: readonly TensorSpec[], wanted: string | undefined): TensorSpec {
  const found = wanted === undefined ? inputs[0] : inputs.find((input) => input.name === wanted);
  if (found === undefined) throw new ExamplesRefusal("the model has no input of the name that its preprocessing says");
  if (inputs.length > 1) throw new ExamplesRefusal(`the model wants ${inputs.length} inputs, and an example of a dataset is one`);
  return found;
}

/** Row-major numbers fit every shape with as many elements: an image of 1 × 28 × 28 is also 784 numbers. */
function fitted(wanted: TensorSpec["shape"], shape: readonly number[]): readonly number[] {
  const isAlike = wanted.length === shape.length && wanted.every((size, at) => typeof size === "string" || size < 1 || size === shape[at]);
  if (isAlike) return shape;
  const concrete = wanted.map((size) => (typeof size === "number" && size > 0 ? size : 1));
  const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
  if (product(concrete) === product(shape)) return concrete;
  throw new ExamplesRefusal(`examples have the shape (${shape.join(", ")}) after preprocessing, and the model wants (${wanted.join(", ")})`);
}

/** Numbers to predict are no classes. */
function labelOf({ header }: Dataset, label: number | null): number | null {
  return header.task === "classification" ? label : null;
}

function spread(count: number, limit: number | null): number[] {
  if (limit === null || limit >= count) return Array.from({ length: count }, (_, at) => at);
  return Array.from({ length: limit }, (_, at) => Math.floor((at * count) / limit));
}
