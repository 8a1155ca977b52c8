"""Numbers into the bins they fall into.

x' = (x - low) / (high - low)           with a range (low, high)
id = how many edges are ≤ x'            n edges make n + 1 bins
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfmtl.errors import ConfigError
from tfmtl.features.conversion import as_numbers, is_number
from tfmtl.features.vocabulary import Vocabulary
from tfmtl.protos.feature_pb2 import FeatureConfig

Range = tuple[float, float]


class Bins(Vocabulary):
    """The bins of numbers, as ids. What is no number counts as 0.

    Args:
        edges: Ascending edges. A number on an edge belongs to the bin above it.
        value_range: The values to be mapped to 0 and 1 first.
    """

    reads = "numbers"

    def __init__(self, edges: Sequence[float], value_range: Range | None = None) -> None:
        super().__init__(len(edges) + 1)
        self._edges = list(edges)
        self._range = value_range

    def ids(self, values: tf.Tensor) -> tf.Tensor:
        numbers = as_numbers(values)
        numbers = scaled(tf.where(tf.math.is_nan(numbers), 0.0, numbers), self._range)
        return tf.cast(tf.raw_ops.Bucketize(input=numbers, boundaries=self._edges), tf.int64)

    def malformed(self, values: tf.Tensor) -> tf.Tensor | None:
        return no_number(values) if values.dtype == tf.string else None


def scaled(numbers: tf.Tensor, value_range: Range | None) -> tf.Tensor:
    """The numbers with a range mapped to 0 and 1; others are not clipped."""
    if value_range is None:
        return numbers
    low, high = value_range
    return (numbers - low) / (high - low)


def no_number(text: tf.Tensor) -> tf.Tensor:
    """Where there is text, but no number."""
    return tf.logical_and(tf.not_equal(text, ""), tf.logical_not(is_number(text)))


def range_of(config: FeatureConfig) -> Range | None:
    """The range that a config maps to 0 and 1, if it has one."""
    return (config.min_val, config.max_val) if config.max_val > config.min_val else None


def edges_of(config: FeatureConfig) -> list[float]:
    """The edges of the bins asked for: `boundaries`, or 0/n ... (n-1)/n of the range.

    Raises:
        ConfigError: If they do not ascend.
    """
    edges = list(config.boundaries)
    if config.num_buckets > 1 and config.max_val > config.min_val and not edges:
        edges = [place / config.num_buckets for place in range(config.num_buckets)]
    if sorted(set(edges)) != edges:
        raise ConfigError([f"`boundaries` should ascend. Received: {edges}."])
    return edges
