/**
 * Every bound the model reader holds, with its unit and its reason. Together they make the cost of refusing a hostile file
 * small: memory follows the structure of a model, never the size of its weights, and time follows the bytes of that
 * structure. Changing one is a product decision: `docs` and the refusal texts quote them.
 */

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** Bytes. Beyond it a model keeps its weights in external files anyway (protobuf itself stops at 2 GiB). */
export const MODEL_FILE_BYTES_MAX = 512 * MIB;

/** Bytes of one external file; offsets above 2 GiB are also where 32-bit devices stop. */
export const EXTERNAL_FILE_BYTES_MAX = 2 * GIB;

/** Bytes of all external files of one model together: what an edge device can be asked to hold twice (two slots). */
export const EXTERNAL_TOTAL_BYTES_MAX = 4 * GIB;

/** Files beside one model. Exporters write one; sharded ones a few dozen. */
export const EXTERNAL_FILES_MAX = 256;

/** A name we are willing to create on disk: no separators, no empty name, nothing a shell or a file system treats specially. */
export const EXTERNAL_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;

/** Messages within messages. ONNX Runtime's own parser stops at 100; real models stay below 20. */
export const NESTING_MAX = 64;

/** Wire fields in the whole file: about two seconds of reading. The largest tree ensembles seen have a few million. */
export const FIELDS_MAX = 50_000_000;

/** Nodes as written (graph, subgraphs, function bodies), and again after functions are expanded. Large language models have some 10,000. */
export const NODES_MAX = 50_000;

/** Initialisers, sparse ones included. */
export const INITIALIZERS_MAX = 50_000;

/** Model-local functions. */
export const FUNCTIONS_MAX = 256;

/** Local functions calling local functions. 3,000 deep kills ONNX Runtime 1.30 with SIGSEGV. */
export const FUNCTION_DEPTH_MAX = 32;

/** Graphs within graphs (If, Loop, Scan). */
export const SUBGRAPH_DEPTH_MAX = 8;

/** Elements of one tensor. */
export const TENSOR_ELEMENTS_MAX = 2 ** 31;

/** Dimensions of one tensor; ONNX Runtime's kernels are written for far fewer. */
export const TENSOR_RANK_MAX = 32;

/** Bytes of one string: names, documentation, string attributes and string tensor elements. */
export const STRING_BYTES_MAX = 64 * KIB;

/** Bytes of all text the reader keeps while it works (names of constants, inputs, operators, metadata). */
export const RETAINED_TEXT_BYTES_MAX = 64 * MIB;

/** Inputs and outputs of the main graph; every one becomes a row on a page. */
export const GRAPH_VALUES_MAX = 4_096;

/**
 * Elements one operator may produce from constants alone (ConstantOfShape, Expand, Tile, Range, random tensors …): 64 MiB
 * of float32. A 73-byte file with 2^27 made ONNX Runtime take 604 MB before the first run.
 */
export const CONSTANT_OUTPUT_ELEMENTS_MAX = 2 ** 24;

/** The same, summed over the model. */
export const CONSTANT_OUTPUT_ELEMENTS_TOTAL_MAX = 2 ** 26;

/** Rounds of a loop that only its trip count ends. */
export const LOOP_TRIPS_MAX = 2 ** 20;

/** IR versions ONNX Runtime 1.30 reads; before 3 operator sets did not exist. */
export const IR_VERSION_MIN = 3;
export const IR_VERSION_MAX = 13;

/** Operator set versions ONNX Runtime 1.30 guarantees, by domain. */
export const OPSET_RANGES: ReadonlyMap<string, { readonly min: number; readonly max: number }> = new Map([
  ["", { min: 7, max: 26 }],
  ["ai.onnx.ml", { min: 1, max: 5 }],
  ["com.microsoft", { min: 1, max: 1 }],
]);

/**
 * Operators of `com.microsoft` we accept: pure functions of their inputs with a CPU kernel in ONNX Runtime 1.30. Left out on
 * purpose: EPContext and Snpe (open files and vendor blobs), generators such as BeamSearch (unbounded work in one node),
 * and operators that exist for GPUs only.
 */
export const MICROSOFT_OPERATORS: ReadonlySet<string> = new Set(
  `Attention BiasAdd BiasGelu BiasSoftmax CDist ComplexMul ComplexMulConj ConvTransposeWithDynamicPads CropAndResize
  DecoderMaskedMultiHeadAttention DequantizeLinear DynamicQuantizeLSTM DynamicQuantizeMatMul DynamicTimeWarping
  EmbedLayerNormalization ExpandDims FastGelu FusedConv FusedGemm FusedMatMul FusedMatMulActivation
  GatedRelativePositionBias GatherBlockQuantized GatherND Gelu GridSample GroupQueryAttention Inverse
  MatMulBnb4 MatMulFpQ4 MatMulInteger16 MatMulIntegerToFloat MatMulNBits MaxpoolWithMask MoE MulInteger
  MultiHeadAttention MurmurHash3 NGramRepeatBlock NhwcFusedConv NhwcMaxPool Pad QAttention QEmbedLayerNormalization QGemm QLinearAdd
  QLinearAveragePool QLinearConcat QLinearConv QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearReduceMean
  QLinearSigmoid QLinearSoftmax QLinearWhere QMoE QuantizeLinear QuickGelu Range ReduceSumInteger RelativePositionBias
  RotaryEmbedding SampleOp SkipLayerNormalization SkipSimplifiedLayerNormalization SparseAttention SparseToDenseMatMul
  Tokenizer TransposeMatMul Trilu Unique WordConvEmbedding`.split(/\s+/),
);
