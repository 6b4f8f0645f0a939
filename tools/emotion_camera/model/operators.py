"""Which of TensorFlow Lite's operators each firmware has, by their names in TFLite's schema.

v4.5.6 replaced the library behind `tf` by TFLM with the operators below, all of which stand in the firmware's
`tflm_backend.cc`, unchanged to the head after v5.0.0. Operators that need a second graph (IF, WHILE, CALL_ONCE) are left out.
"""

Version = tuple[int, int, int]

ML: Version = (4, 5, 6)  # the first firmware with the module `ml`

# In int8 in every firmware since v4.5.5. Seen to run on v4.8.1 and the head after v5.0.0: CONV_2D, DEPTHWISE_CONV_2D, ADD,
# MAX_POOL_2D, LEAKY_RELU, MEAN, FULLY_CONNECTED, SOFTMAX.
ALWAYS = {
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "LEAKY_RELU",
    "LOGISTIC", "MAX_POOL_2D", "MEAN", "MUL", "PAD", "RELU", "RELU6", "RESHAPE", "SOFTMAX", "SUB",
}  # fmt: skip
SINCE_ML = ALWAYS | {
    "ABS", "ADD_N", "ARG_MAX", "ARG_MIN", "BATCH_MATMUL", "BATCH_TO_SPACE_ND", "BROADCAST_ARGS", "BROADCAST_TO", "CAST",
    "CEIL", "COS", "CUMSUM", "DEPTH_TO_SPACE", "DEQUANTIZE", "DIV", "ELU", "EMBEDDING_LOOKUP", "EQUAL", "EXP",
    "EXPAND_DIMS", "FILL", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "GATHER", "GATHER_ND", "GREATER", "GREATER_EQUAL",
    "HARD_SWISH", "L2_NORMALIZATION", "L2_POOL_2D", "LESS", "LESS_EQUAL", "LOG", "LOGICAL_AND", "LOGICAL_NOT",
    "LOGICAL_OR", "LOG_SOFTMAX", "MAXIMUM", "MINIMUM", "MIRROR_PAD", "NEG", "NOT_EQUAL", "PACK", "PADV2", "PRELU",
    "QUANTIZE", "REDUCE_MAX", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "ROUND", "RSQRT", "SELECT_V2", "SHAPE",
    "SIN", "SLICE", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQRT", "SQUARE", "SQUARED_DIFFERENCE",
    "SQUEEZE", "STRIDED_SLICE", "SUM", "SVDF", "TANH", "TRANSPOSE", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UNPACK", "ZEROS_LIKE",
}  # fmt: skip
# What the converter puts before a Reshape, a Flatten layer for example, where the number of pictures at once is left open.
OF_FREE_BATCH = {"PACK", "SHAPE", "STRIDED_SLICE"}


def operators_of(firmware: Version) -> set[str]:
    """The operators that a firmware has."""
    return SINCE_ML if firmware >= ML else ALWAYS
