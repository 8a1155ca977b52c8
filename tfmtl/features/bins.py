"""Numbers into the bins they fall into.

x' = (x - center) / scale               if they are scaled
id = how many edges are ≤ x'            n edges make n + 1 bins
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfmtl.errors import ConfigError
from tfmtl.features.conversion import as_numbers, is_number
from tfmtl.features.scaling import Scaling, not_fitted
from tfmtl.features.vocabulary import Vocabulary
from tfmtl.protos.feature_pb2 import FeatureConfig


class Bins(Vocabulary):
    """The bins of numbers, as ids. What is no number counts as 0.

    Args:
        edges: Ascending edges. A number on an edge belongs to the bin above it.
        scaling: How numbers are scaled first.
    """

    reads = "numbers"

    def __init__(self, edges: Sequence[float], scaling: Scaling | None = None) -> None:
        super().__init__(len(edges) + 1)
        self._edges = list(edges)
        self._scaling = scaling or Scaling()

    def ids(self, values: tf.Tensor) -> tf.Tensor:
        numbers = as_numbers(values)
        numbers = self._scaling(tf.where(tf.math.is_nan(numbers), 0.0, numbers))
        return tf.cast(tf.raw_ops.Bucketize(input=numbers, boundaries=self._edges), tf.int64)

    def malformed(self, values: tf.Tensor) -> tf.Tensor | None:
        return no_number(values) if values.dtype == tf.string else None


def no_number(text: tf.Tensor) -> tf.Tensor:
    """Where there is text, but no number."""
    return tf.logical_and(tf.not_equal(text, ""), tf.logical_not(is_number(text)))


def edges_of(config: FeatureConfig) -> list[float]:
    """The edges of the bins asked for: of `binning`, `boundaries`, or 0/n ... (n-1)/n of the range.

    Raises:
        ConfigError: If they do not ascend, or are to come from statistics and have not.
    """
    if config.HasField("binning"):
        if not config.binning.edges:
            raise ConfigError([not_fitted("binning", "edges")])
        return list(config.binning.edges)
    edges = list(config.boundaries)
    if config.num_buckets > 1 and config.max_val > config.min_val and not edges:
        edges = [place / config.num_buckets for place in range(config.num_buckets)]
    if sorted(set(edges)) != edges:
        raise ConfigError([f"`boundaries` should ascend. Received: {edges}."])
    return edges
