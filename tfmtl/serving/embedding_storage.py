"""How an export stores embedding tables, see `export_config.embedding_storage`.

The network is the trained one. Only while a signature's graph is made do its lookups read other
variables than those that were trained.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any, TypeVar

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers import BFloat16Rows, Int8Rows, PackedEmbedding
from tfmtl.protos import export_pb2

EmbeddingStorage = export_pb2.EmbeddingStorage
FLOAT32, BFLOAT16, INT8 = export_pb2.FLOAT32, export_pb2.BFLOAT16, export_pb2.INT8

# Of an answer, or of 1 if the answer is smaller.
TOLERANCES = {FLOAT32: 1e-5, BFLOAT16: 5e-3, INT8: 1e-2}

_BYTES_OF_SCALE = 4

Result = TypeVar("Result")


class StoredEmbeddings(tf.Module):
    """A network's embedding tables in a storage.

    Args:
        network: The trained network, which is not changed.
        storage: How to store them.
    """

    def __init__(self, network: keras.Model, storage: EmbeddingStorage = FLOAT32) -> None:
        super().__init__()
        # In a closure: an attribute would be saved with the module.
        layers = [each for each in network.submodules if isinstance(each, PackedEmbedding)]
        layers = layers if storage != FLOAT32 else []
        self._layers: Callable[[], list[PackedEmbedding]] = lambda: layers
        self.rows = [
            [_stored(variable, storage) for variable in layer.embedding_variables]
            for layer in layers
        ]

    @property
    def trained(self) -> list[tf.Variable]:
        """The variables that nothing reads any more."""
        return [variable for layer in self._layers() for variable in layer.embedding_variables]

    def read_by(self, function: Callable[..., Result]) -> Callable[..., Result]:
        """The function, whose lookups read these tables."""

        @functools.wraps(function)
        def reads(*args: Any) -> Result:
            with contextlib.ExitStack() as stack:
                for layer, rows in zip(self._layers(), self.rows, strict=True):
                    stack.enter_context(layer.reading(rows))
                return function(*args)

        return reads


def _stored(variable: tf.Variable, storage: EmbeddingStorage) -> BFloat16Rows | Int8Rows:
    rows, name = tf.convert_to_tensor(variable), variable.name.partition(":")[0]
    gains = rows.shape[1] + _BYTES_OF_SCALE < rows.shape[1] * tf.bfloat16.size
    return Int8Rows(rows, name) if storage == INT8 and gains else BFloat16Rows(rows, name)
