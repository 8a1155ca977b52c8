"""A functional network as the calls of its layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tf_keras as keras

from tfmtl.features.embedding_regularization import EmbeddingRegularization
from tfmtl.layers import PackedEmbedding

# These map values by name to others by the same names, each for itself.
BY_NAME = (PackedEmbedding, EmbeddingRegularization)


def calls(network: keras.Model) -> Iterator[Any]:
    """The calls of layers, each after those whose outputs it reads."""
    for depth in sorted(network._nodes_by_depth, reverse=True):  # Keras offers no other way in.
        yield from (node for node in network._nodes_by_depth[depth] if not node.is_input)
