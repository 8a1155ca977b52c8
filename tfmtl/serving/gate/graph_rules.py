"""Rules of the graph: what a stock server can run, anywhere, again and again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import tensorflow as tf

from tfmtl.serving.gate.version import Version
from tfmtl.serving.manifest import graph_versions

MOST_BYTES_OF_CONST = 1 << 20

# What runs Python, reads or writes files, or prints, wherever in the graph it stands.
_FORBIDDEN = (
    "PyFunc",
    "PyFuncStateless",
    "EagerPyFunc",
    "ReadFile",
    "WriteFile",
    "TextLineDataset",
    "TFRecordDataset",
    "TFRecordDatasetV2",
    "FixedLengthRecordDataset",
    "FixedLengthRecordDatasetV2",
    "Print",
    "PrintV2",
)

# What reads or writes files all the same, or ends the server. The SavedModel's own saver does, and
# servers run no more of it than what loads the model.
_OUTSIDE = re.compile(
    r"Abort|Save(V2|Slices)?|Restore(V2|Slice)?|MergeV2Checkpoints|DistributedSave|"
    r"(Whole|Fixed|Text|TFRecord|LMDB).*Reader(V2)?|.*DatasetToTFRecord|MatchingFiles|"
    r"(Experimental)?(Save|Load|Snapshot|Sql|CSV|LMDB|MatchingFiles)Dataset.*|"
    r"Write.*Summary|(Create|Flush|Close)?Summary.*Writer"
)

# What changes a server's state, which its requests share.
_CHANGES = re.compile(
    r"(Assign|ResourceApply|ResourceSparseApply|ResourceScatter|Scatter(Nd)?(Update|Add|Sub|Mul|Div|"
    r"Min|Max)|(Sparse)?Apply[A-Z]|LookupTable(Insert|Import|Remove)|Mutable(DenseH|H)ashTable|"
    r"InitializeTable|Stage|Stack(Push|Pop)|Queue|Barrier|MapStage).*"
)
# And what tells another time whenever it is asked.
_RANDOM = re.compile(
    r"(Stateful|Stateless)?(Random|TruncatedNormal|Multinomial|Parameterized).*|"
    r"Stateful(Uniform|StandardNormal).*|Rng.*|.*CandidateSampler|Timestamp"
)


def core_operations(version: Version) -> Iterator[str]:
    """All operations are TensorFlow's own, and none runs Python or reads and writes files."""
    functions = version.graph.functions
    ops = {node.op for node in version.graph.all_nodes()} - functions.keys()
    for op in sorted(ops):
        if op in _FORBIDDEN:
            yield (
                "The graph should neither run Python, nor read or write files, nor print. "
                f"Received: the operation {op}."
            )
        elif not hasattr(tf.raw_ops, op):
            yield (
                "The graph should have operations of TensorFlow itself alone, which every server "
                f"has. Received: the operation {op}."
            )


def no_must_compile(version: Version) -> Iterator[str]:
    """Nothing must be compiled by XLA, which stock servers do not do."""
    for function in version.graph.meta.graph_def.library.function:
        if function.attr["_XlaMustCompile"].b:
            yield _must_compile(f"function `{function.signature.name}`")
    for node in version.graph.all_nodes():
        if node.attr["_XlaMustCompile"].b:
            yield _must_compile(f"node `{node.name}`")


def kept_inside(version: Version) -> Iterator[str]:
    """Signatures neither read nor write files, nor end the server."""
    return _asked(version, _OUTSIDE, "neither read nor write files, nor end the server")


def stateless(version: Version) -> Iterator[str]:
    """Signatures change no variable and no table."""
    return _asked(version, _CHANGES, "change nothing, because requests run at the same time")


def certain(version: Version) -> Iterator[str]:
    """Signatures draw nothing at random."""
    return _asked(version, _RANDOM, "draw nothing at random, as dropout does in training")


def files_are_assets(version: Version) -> Iterator[str]:
    """Files that the graph reads are assets: it names no path of the machine that made it."""
    for node in version.graph.files_read():
        if node.name not in version.graph.assets:
            value = b"".join(node.attr["value"].tensor.string_val).decode("utf-8", "replace")
            yield (
                "A file that the graph reads should be one of its assets. "
                f"Received: the path `{value}`, in node `{node.name}`."
            )


def small_constants(version: Version) -> Iterator[str]:
    """No constant is large: weights are variables, and vocabularies are assets."""
    for node in version.graph.all_nodes():
        size = node.attr["value"].tensor.ByteSize() if node.op == "Const" else 0
        if size >= MOST_BYTES_OF_CONST:
            yield (
                f"A constant should have less than {MOST_BYTES_OF_CONST:,} bytes. "
                f"Received: {size:,} in node `{node.name}`. Of a vocabulary, use `vocab_file`."
            )


def recorded_versions(version: Version) -> Iterator[str]:
    """The graph tells which TensorFlow made it, and so does the export."""
    found, told = graph_versions(version.graph), version.manifest["versions"]
    for name, value in found.items():
        if not value or told.get(name) != value:
            rule = f"`versions.{name}` should be that of the graph, {value}."
            yield f"{rule} Received: {told.get(name)}."


def _must_compile(what: str) -> str:
    return (
        "Nothing should have to be compiled by XLA (`jit_compile=True`), which a stock server does "
        f"not do. Received: {what}."
    )


def _asked(version: Version, refused: re.Pattern[str], rule: str) -> Iterator[str]:
    """Tells operations of signatures that a rule refuses."""
    for op in sorted(version.asked_ops):
        if refused.fullmatch(op):
            yield f"A signature should {rule}. Received: the operation {op}."
