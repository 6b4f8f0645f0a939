"""Whether a network's file can be read to its end: the firmware follows its offsets unchecked, and what they miss is a HardFault.

Seen on v4.8.1 and the head after v5.0.0: a file that is cut short, or is text, resets the board, each time it starts.
"""

IDENTIFIER = b"TFL3"  # at bytes 4 to 8; where the firmware lands in a file without it is anybody's guess


def is_whole(data: bytes) -> bool:
    """Whether every table, vector and buffer that `data` tells of lies within it."""
    if data[4:8] != IDENTIFIER:
        return False
    from ai_edge_litert import schema_py_generated as schema

    try:
        model = schema.ModelT.InitFromPackedBuf(data)
        return bool(model.subgraphs) and all(graph.tensors is not None for graph in model.subgraphs)
    except Exception:  # the generated reader fails anywhere in a damaged file, with any exception
        return False


def schema_version(data: bytes) -> int:
    """The version of TensorFlow Lite's schema that a whole file says it is of."""
    from ai_edge_litert import schema_py_generated as schema

    return int(schema.Model.GetRootAs(data).Version())
