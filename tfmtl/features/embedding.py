"""How a feature is embedded."""

from __future__ import annotations

import dataclasses

import tf_keras as keras

from tfmtl.errors import ConfigError
from tfmtl.features.initializers import initializer_of
from tfmtl.features.numeric_embedding import OF_NUMBERS, NumericKind
from tfmtl.protos.feature_pb2 import FeatureConfig


@dataclasses.dataclass(frozen=True)
class Embedding:
    """How a feature is embedded.

    Args:
        dim: Width of the embedding; 0 for none.
        name: Name of a table to share with other features; "" for a table of its own.
        initializer: Of the table; by default a truncated normal of deviation 0.01/√dim.
        numeric: How numbers are embedded; None for a linear projection.
    """

    dim: int = 0
    name: str = ""
    initializer: keras.initializers.Initializer | None = None
    numeric: NumericKind | None = None

    @classmethod
    def from_config(cls, config: FeatureConfig, needed: str = "") -> Embedding:
        """The embedding that a feature's config describes.

        Args:
            config: The feature's config.
            needed: Why there must be one; "" if it may be left out.

        Raises:
            ConfigError: If there is none though one is needed, or its initializer does not fit.
        """
        if config.HasField("numeric_embedding") and config.feature_type in OF_NUMBERS:
            needed = needed or "there is a `numeric_embedding`"
        if needed and not config.embedding_dim:
            rule = f"`embedding_dim` should be at least 1, because {needed}."
            raise ConfigError([f"{rule} Received: 0."])
        initializer = initializer_of(config.initializer, config.embedding_dim)
        numeric = NumericKind.from_config(config, initializer)
        return cls(config.embedding_dim, config.embedding_name, initializer, numeric)

    def fresh_initializer(self) -> keras.initializers.Initializer:
        """A new initializer, because one that is used twice draws the same values twice."""
        if self.initializer is None:
            return keras.initializers.TruncatedNormal(stddev=0.01 / self.dim**0.5)
        return self.initializer.from_config(self.initializer.get_config())

    def same_start(self, other: Embedding) -> bool:
        """Whether both tables start alike."""
        mine, theirs = self.initializer, other.initializer
        if mine is None or theirs is None:
            return mine is theirs
        return type(mine) is type(theirs) and mine.get_config() == theirs.get_config()
