"""What every kind of feature is to the encoder and to the network."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import TypeAlias

import tensorflow as tf

from tfmtl.features.column import Column
from tfmtl.features.embedding import Embedding
from tfmtl.features.parts import Parts
from tfmtl.features.sequence_encoder import Encoder
from tfmtl.features.vocabulary import Vocabulary
from tfmtl.protos.feature_pb2 import FeatureConfig

Raw: TypeAlias = Mapping[str, tf.Tensor]
Encoded: TypeAlias = dict[str, "tf.Tensor | tf.RaggedTensor"]

IDS = tf.TensorSpec([None], tf.int64)
BAGS = tf.RaggedTensorSpec([None, None], tf.int64)
BAG_WEIGHTS = tf.RaggedTensorSpec([None, None], tf.float32)


class Feature(abc.ABC):
    """A feature: how its columns are encoded, and what of it the network embeds.

    Args:
        name: Its name.
        columns: The columns it reads.
        embedding: How it is embedded.
    """

    def __init__(self, name: str, columns: tuple[Column, ...], embedding: Embedding) -> None:
        self.name = name
        self.columns = columns
        self.embedding = embedding

    @classmethod
    @abc.abstractmethod
    def from_config(cls, config: FeatureConfig, parts: Parts) -> Feature:
        """The feature that a config describes.

        Raises:
            ConfigError: If the config does not describe one; its problems do not name the feature.
        """

    @property
    @abc.abstractmethod
    def expects(self) -> str:
        """What its columns should hold, in words, for messages."""

    @abc.abstractmethod
    def encode(self, raw: Raw) -> Encoded:
        """Its ids, weights or values, by their names. This must not fail, whatever `raw` holds."""

    @abc.abstractmethod
    def encoded_signature(self) -> dict[str, tf.TypeSpec]:
        """What `encode` returns."""

    def malformed(self, raw: Raw) -> tf.Tensor | None:
        """Which rows, bool `(batch,)`, hold something else than it expects; None if none can."""
        del raw
        return None

    @property
    def vocabulary(self) -> Vocabulary | None:
        """Its vocabulary, if it has one."""
        return None

    @property
    def ids(self) -> int | None:
        """How many ids it has, or None if it is made of numbers."""
        return None if self.vocabulary is None else self.vocabulary.size

    @property
    def width(self) -> int:
        """Width of what the network sees of it."""
        return self.embedding.dim

    @property
    def combiner(self) -> str:
        """How a bag's embeddings become one, or "" if there is one id a row."""
        return ""

    @property
    def has_steps(self) -> bool:
        """Whether it is a sequence: what the network sees has steps, `(batch, None, width)`."""
        return False

    @property
    def encoder(self) -> Encoder | None:
        """What makes its steps one vector; None if it has no steps, or nothing does."""
        return None

    @property
    def weighted(self) -> bool:
        """Whether the ids of a bag have weights."""
        return False
