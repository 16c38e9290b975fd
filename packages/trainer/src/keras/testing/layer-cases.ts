/**
 * One layer or a few in a row, with what TensorFlow computes for them. Weights and inputs are written down as formulas (`testing/formulas.ts`); the answers
 * were computed by Keras 3.15.1 on TensorFlow 2, outside of the project, from the same formulas: the shape of the answer, and two sums that weigh each
 * element by its place, so that neither a wrong number nor a wrong order goes unseen.
 */
export type LayerCase = {
  readonly title: string;
  readonly inputShape: readonly number[];
  readonly layers: readonly CaseLayer[];
  readonly answer: { readonly shape: readonly number[]; readonly sums: readonly [number, number] };
};

/** Class, options, and the dimensions of its weights; those that must be above 0 are marked. */
type CaseLayer = readonly [className: string, options?: object, weights?: readonly (readonly number[] | { readonly positive: readonly number[] })[]];

type Row = readonly [title: string, inputShape: readonly number[], layers: readonly CaseLayer[], shape: readonly number[], sums: readonly [number, number]];

const image = [7, 6, 2];
const series = [9, 3];
const conv = (options: object, kernel: readonly number[]): CaseLayer => ["Conv2D", { filters: 4, kernel_size: kernel, ...options }, [[...kernel, 2, 4], [4]]];
const norm = (channels: number, options: object = {}): CaseLayer => ["BatchNormalization", options, [[channels], [channels], [channels], { positive: [channels] }]];
const activation = (name: string): CaseLayer => ["Activation", { activation: name }];
const cell = (gates: number, bias: readonly number[] = [gates * 4]): readonly (readonly number[])[] => [[3, gates * 4], [4, gates * 4], bias];

const ROWS: readonly Row[] = [
  ["Conv2D, valid", image, [conv({}, [3, 3])], [2, 5, 4, 4], [5.0665005, -9.1310528]],
  ["Conv2D, same, odd kernel", image, [conv({ padding: "same" }, [3, 3])], [2, 7, 6, 4], [2.0216692, -1.690505]],
  ["Conv2D, same, even kernel", image, [conv({ padding: "same" }, [2, 4])], [2, 7, 6, 4], [-3.1251278, -0.1406378]],
  ["Conv2D, same, stride 2 over odd and even sides", image, [conv({ padding: "same", strides: [2, 2] }, [3, 3])], [2, 4, 3, 4], [5.7399804, 2.6557534]],
  ["Conv2D, same, stride 3, kernel 2", image, [conv({ padding: "same", strides: [3, 3] }, [2, 2])], [2, 3, 2, 4], [0.25610084, 2.0621617]],
  ["Conv2D, same, kernel smaller than its stride", image, [conv({ padding: "same", strides: [2, 2] }, [1, 1])], [2, 4, 3, 4], [-10.536975, -0.33204345]],
  ["Conv2D, valid, stride 2", image, [conv({ strides: [2, 2] }, [3, 2])], [2, 3, 3, 4], [-2.0213319, 3.9712349]],
  ["Conv2D, dilated, same", image, [conv({ padding: "same", dilation_rate: [2, 2] }, [3, 3])], [2, 7, 6, 4], [-2.3627641, 7.5049356]],
  ["Conv2D, without bias, with an activation", image, [["Conv2D", { filters: 3, kernel_size: [3, 3], use_bias: false, activation: "relu" }, [[3, 3, 2, 3]]]], [2, 5, 4, 3], [0.31717077, -0.4300852]],
  ["Conv2D in groups", [5, 5, 4], [["Conv2D", { filters: 6, kernel_size: [3, 3], groups: 2 }, [[3, 3, 2, 6], [6]]]], [2, 3, 3, 6], [2.7847451, 3.0964469]],
  ["DepthwiseConv2D, same, stride 2, two outputs for each channel", image, [["DepthwiseConv2D", { kernel_size: [3, 3], strides: [2, 2], padding: "same", depth_multiplier: 2 }, [[3, 3, 2, 2], [4]]]], [2, 4, 3, 4], [7.0013304, -2.1269771]],
  ["SeparableConv2D", image, [["SeparableConv2D", { filters: 3, kernel_size: [3, 3], padding: "same", depth_multiplier: 2 }, [[3, 3, 2, 2], [1, 1, 4, 3], [3]]]], [2, 7, 6, 3], [-8.7072612, 2.0726002]],
  ["Conv2DTranspose, same, stride 2", image, [["Conv2DTranspose", { filters: 3, kernel_size: [3, 3], strides: [2, 2], padding: "same" }, [[3, 3, 3, 2], [3]]]], [2, 14, 12, 3], [8.3725228, 5.0952678]],
  ["Conv2DTranspose, valid, kernel smaller than its stride", image, [["Conv2DTranspose", { filters: 3, kernel_size: [2, 2], strides: [3, 3] }, [[2, 2, 3, 2], [3]]]], [2, 21, 18, 3], [1.1626442, 3.3583655]],
  ["Conv1D, causal", series, [["Conv1D", { filters: 4, kernel_size: [3], padding: "causal", dilation_rate: [2] }, [[3, 3, 4], [4]]]], [2, 9, 4], [0.22285178, 2.3803606]],
  ["Conv1D, same, stride 2", series, [["Conv1D", { filters: 4, kernel_size: [4], padding: "same", strides: [2] }, [[4, 3, 4], [4]]]], [2, 5, 4], [-0.1900634, 1.002064]],
  ["SeparableConv1D", series, [["SeparableConv1D", { filters: 2, kernel_size: [3], strides: [1] }, [[3, 3, 1], [1, 3, 2], [2]]]], [2, 7, 2], [6.6551887, 4.1644718]],
  ["MaxPooling2D, same, over an odd side", image, [["MaxPooling2D", { pool_size: [2, 2], strides: [2, 2], padding: "same" }]], [2, 4, 3, 2], [17.785199, -12.718955]],
  ["AveragePooling2D, same: padding does not count", image, [["AveragePooling2D", { pool_size: [3, 3], strides: [2, 2], padding: "same" }]], [2, 4, 3, 2], [2.8690629, 0.201661]],
  ["AveragePooling2D with the stride of its size", image, [["AveragePooling2D", { pool_size: [3, 2], strides: null }]], [2, 2, 3, 2], [0.39229234, 2.4778464]],
  ["MaxPooling1D and AveragePooling1D", series, [["MaxPooling1D", { pool_size: [2], strides: [1] }], ["AveragePooling1D", { pool_size: [3], strides: [2], padding: "same" }]], [2, 4, 3], [11.660975, -4.8573512]],
  ["GlobalAveragePooling2D", image, [["GlobalAveragePooling2D", {}]], [2, 2], [-0.08329869, -0.093554496]],
  ["GlobalMaxPooling2D that keeps its axes", image, [["GlobalMaxPooling2D", { keepdims: true }]], [2, 1, 1, 2], [4.9880488, 5.072235]],
  ["GlobalAveragePooling1D", series, [["GlobalAveragePooling1D", {}]], [2, 3], [-0.40900528, -0.47714291]],
  ["Flatten behind a convolution keeps Keras' order", image, [conv({}, [3, 3]), ["Flatten", {}], ["Dense", { units: 3 }, [[80, 3], [3]]]], [2, 3], [-0.3720356, -0.45718701]],
  ["Flatten of one pixel", image, [conv({}, [7, 6]), ["Flatten", {}]], [2, 4], [1.3988591, 2.6259847]],
  ["Dense along the last axis", image, [["Dense", { units: 3, activation: "tanh" }, [[2, 3], [3]]]], [2, 7, 6, 3], [1.8496547, 4.364204]],
  ["BatchNormalization behind a convolution", image, [conv({}, [3, 3]), norm(4)], [2, 5, 4, 4], [0.91179527, 0.78464685]],
  ["BatchNormalization of vectors, without scale", [5], [["BatchNormalization", { scale: false, epsilon: 0.01 }, [[5], [5], { positive: [5] }]]], [2, 5], [5.0651701, 5.8097067]],
  ["LayerNormalization", series, [["LayerNormalization", {}, [[3], [3]]]], [2, 9, 3], [2.0467314, -0.48488543]],
  ["Normalization that was adapted", series, [["Normalization", { axis: [-1] }, [[3], { positive: [3] }, []]]], [2, 9, 3], [3.0661306, -6.0279676]],
  ["Rescaling", image, [["Rescaling", { scale: 0.25, offset: -1 }]], [2, 7, 6, 2], [-3.5839538, 0.76161564]],
  ["Reshape with a dimension left open", image, [["Reshape", { target_shape: [3, -1] }]], [2, 3, 28], [-0.35846945, 4.8392607]],
  ["Permute", image, [["Permute", { dims: [3, 1, 2] }]], [2, 2, 7, 6], [-3.2238407, -8.4304758]],
  ["RepeatVector", [4], [["RepeatVector", { n: 3 }]], [2, 3, 4], [-0.42766779, 0.88147318]],
  ["ZeroPadding2D behind a convolution", image, [conv({}, [3, 3]), ["ZeroPadding2D", { padding: [[1, 0], [2, 3]] }]], [2, 6, 9, 4], [-5.2477959, -3.9897497]],
  ["ZeroPadding1D and Cropping1D", series, [["ZeroPadding1D", { padding: [2, 1] }], ["Cropping1D", { cropping: [1, 0] }]], [2, 11, 3], [3.6611682, 7.929941]],
  ["Cropping2D behind a convolution", image, [conv({}, [3, 3]), ["Cropping2D", { cropping: [[1, 0], [1, 2]] }]], [2, 4, 1, 4], [-0.96207765, -0.33166407]],
  ["UpSampling2D", image, [["UpSampling2D", { size: [2, 3] }]], [2, 14, 18, 2], [1.9875484, 1.6120746]],
  ["PReLU with a slope for each channel", image, [conv({}, [3, 3]), ["PReLU", { shared_axes: [1, 2] }, [[1, 1, 4]]]], [2, 5, 4, 4], [2.1530333, -4.7816688]],
  ["PReLU with a slope for each element", image, [conv({}, [3, 3]), ["PReLU", {}, [[5, 4, 4]]]], [2, 5, 4, 4], [2.8597044, -3.9839239]],
  ["LeakyReLU", image, [["LeakyReLU", { negative_slope: 0.2 }]], [2, 7, 6, 2], [2.5944628, 4.3209485]],
  ["ReLU with a slope and a maximum", image, [["ReLU", { negative_slope: 0.1, max_value: 1 }]], [2, 7, 6, 2], [2.1364043, 3.0900257]],
  ["ELU", image, [["ELU", { alpha: 0.7 }]], [2, 7, 6, 2], [2.0940676, 4.6583876]],
  ["Softmax behind a convolution", image, [conv({}, [3, 3]), ["Softmax", { axis: -1 }]], [2, 5, 4, 4], [0.15568456, -0.27624002]],
  ["Softmax along rows", image, [["Softmax", { axis: 1 }]], [2, 7, 6, 2], [-0.29394143, 0.27506263]],
  ["relu6 and exponential", image, [activation("relu6"), activation("exponential")], [2, 7, 6, 2], [10.638644, 9.6677029]],
  ["gelu and softplus", image, [activation("gelu"), activation("softplus")], [2, 7, 6, 2], [4.3385614, 2.9873295]],
  ["silu and elu", image, [activation("silu"), activation("elu")], [2, 7, 6, 2], [2.1679338, 3.7010589]],
  ["selu, softsign and hard_sigmoid", image, [activation("selu"), activation("softsign"), activation("hard_sigmoid")], [2, 7, 6, 2], [1.790463, 0.64112704]],
  ["mish, sigmoid and log_softmax", image, [activation("mish"), activation("sigmoid"), activation("log_softmax")], [2, 7, 6, 2], [-2.4075442, -0.29257874]],
  ["LSTM", series, [["LSTM", { units: 4, activation: "tanh", recurrent_activation: "sigmoid" }, cell(4)]], [2, 4], [-0.45115253, -0.42289048]],
  ["LSTM over the whole series", series, [["LSTM", { units: 4, return_sequences: true, activation: "tanh", recurrent_activation: "hard_sigmoid" }, cell(4)]], [2, 9, 4], [0.39697876, 0.71428618]],
  ["GRU", series, [["GRU", { units: 4, activation: "tanh", recurrent_activation: "sigmoid", reset_after: true }, cell(3, [2, 12])]], [2, 4], [-0.42159068, -0.83958737]],
  ["GRU that resets before, backwards", series, [["GRU", { units: 4, activation: "tanh", recurrent_activation: "sigmoid", reset_after: false, go_backwards: true }, cell(3)]], [2, 4], [-0.4861614, -0.31702338]],
  ["SimpleRNN", series, [["SimpleRNN", { units: 4, activation: "relu" }, cell(1)]], [2, 4], [1.2800563, 1.4217246]],
  ["what only training does", image, [["Dropout", { rate: 0.5 }], ["SpatialDropout2D", { rate: 0.5 }], ["GaussianNoise", { stddev: 1 }]], [2, 7, 6, 2], [-0.35846945, 4.8392607]],
];

export const LAYER_CASES: readonly LayerCase[] = ROWS.map(([title, inputShape, layers, shape, sums]) => ({ title, inputShape, layers, answer: { shape, sums } }));
