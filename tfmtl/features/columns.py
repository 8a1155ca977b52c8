"""The encoder: raw columns into ids and numbers, the same in training and in a served model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfmtl import config as configs
from tfmtl.errors import ConfigError, DataError
from tfmtl.features.attention import sequences
from tfmtl.features.column import Column
from tfmtl.features.feature import Encoded, Feature, Raw
from tfmtl.features.kinds import build_feature
from tfmtl.features.parts import Parts
from tfmtl.features.sequence_feature import SequenceFeature
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.feature_pb2 import FeatureConfig
from tfmtl.protos.pipeline_pb2 import Pipeline


class Columns(tf.Module):
    """Encodes every feature of a model.

    An id feature becomes int64 `(batch,)`, a tag feature ragged int64 `(batch, None)` and perhaps
    ragged float32 weights under `<name>/weights`, a raw feature float32 `(batch, size)` or the ids
    of its bins.

    A module that is saved takes the vocabularies along if it has its encoder as an attribute.

    Example:
        columns = Columns.from_pipeline(pipeline)
        dataset = dataset.map(lambda raw: columns.encode(raw, strict=True))

    Args:
        feature_configs: The features.
        input_fields: The columns of the data, as `data_config.input_fields` declares them.
        alike: Names of sequences, of which those in one list should be equally long in each row.

    Raises:
        ConfigError: With the problems of all features.
    """

    def __init__(
        self,
        feature_configs: Iterable[FeatureConfig],
        input_fields: Iterable[DatasetConfig.Field],
        alike: Iterable[Sequence[str]] = (),
    ) -> None:
        super().__init__(name="columns")
        self._alike = [tuple(names) for names in alike]
        self._features = tuple(_build_all(feature_configs, Parts(input_fields)))
        # What a SavedModel takes along: these hold the tables and files.
        self._vocabularies = [each.vocabulary for each in self._features if each.vocabulary]

    @classmethod
    def from_pipeline(cls, pipeline: Pipeline) -> Columns:
        """The encoder of the features that a pipeline's groups use."""
        groups = pipeline.model_config.feature_groups
        attentions = [each for group in groups for each in group.sequence_features]
        return cls(
            configs.read_features(pipeline),
            pipeline.data_config.input_fields,
            sequences(attentions),
        )

    @property
    def features(self) -> dict[str, Feature]:
        """The features by name."""
        return {feature.name: feature for feature in self._features}

    @property
    def raw_columns(self) -> list[str]:
        """The columns it reads, each once."""
        return list(self._columns())

    @property
    def read_columns(self) -> list[Column]:
        """What is known of them."""
        return list(self._columns().values())

    def raw_signature(self) -> dict[str, tf.TensorSpec]:
        """What `encode` takes."""
        return {name: column.spec for name, column in self._columns().items()}

    def encoded_signature(self) -> dict[str, tf.TypeSpec]:
        """What `encode` returns."""
        return _merged(feature.encoded_signature() for feature in self._features)

    def encode(self, raw: Raw, strict: bool = False) -> Encoded:
        """Encodes a batch. Only TensorFlow operations: it runs in a data pipeline and in a server.

        Args:
            raw: The columns, (batch,) each. More than are read may be there.
            strict: Whether malformed values, see `malformed`, raise an `InvalidArgumentError` of
                TensorFlow's that names their features. A server must answer: when this is false,
                every value has an encoding, which the kinds of features tell.

        Returns:
            Tensors as `encoded_signature` describes them.

        Raises:
            DataError: If a column is not there.
        """
        self._require(raw)
        if strict:
            self._assert_well_formed(raw)
        return _merged(feature.encode(raw) for feature in self._features)

    def encode_some(self, raw: Raw, names: Collection[str]) -> Encoded:
        """Encodes a batch for some of the features, whose columns must be there.

        Args:
            raw: The columns, (batch,) each.
            names: Of the features.
        """
        return _merged(each.encode(raw) for each in self._features if each.name in names)

    def malformed(self, raw: Raw) -> dict[str, tf.Tensor]:
        """Which rows hold something else than a feature expects, such as text instead of a number.

        Args:
            raw: The columns, (batch,) each.

        Returns:
            bool (batch,), for each feature that can be malformed.
        """
        found = {feature.name: feature.malformed(raw) for feature in self._features}
        return {name: wrong for name, wrong in found.items() if wrong is not None}

    def problems(self, raw: Raw) -> list[tuple[int, str]]:
        """Tells each malformed feature's first malformed value in a batch: its row and a sentence.

        So it does of sequences that should be equally long and are not.

        Args:
            raw: The columns, (batch,) each, not symbolic.
        """
        found = {name: tf.where(wrong)[:, 0].numpy() for name, wrong in self.malformed(raw).items()}
        problems = [
            (int(rows[0]), _problem(self.features[name], raw, rows[0]))
            for name, rows in found.items()
            if len(rows)
        ]
        for (first, name), (wanted, lengths) in self._lengths(raw):
            rows = np.flatnonzero(wanted != lengths)
            if len(rows):
                rule = f"Feature `{name}` should have as many steps as `{first}`"
                received = f"{lengths[rows[0]]} instead of {wanted[rows[0]]}"
                problems.append((int(rows[0]), f"{rule}. Received: {received}."))
        return problems

    def _lengths(self, raw: Raw) -> Iterator[tuple[tuple[str, str], tuple[tf.Tensor, tf.Tensor]]]:
        """Pairs of sequences that should be equally long, and their lengths in each row."""
        for first, *others in self._alike:
            for name in others:
                yield (first, name), (self._steps(first, raw), self._steps(name, raw))

    def _steps(self, name: str, raw: Raw) -> tf.Tensor:
        feature = self.features[name]
        if not isinstance(feature, SequenceFeature):
            raise ConfigError([f"`hist_seq` should name sequences. Received: `{name}`."])
        return feature.lengths(raw)

    def _columns(self) -> dict[str, Column]:
        return {column.name: column for feature in self._features for column in feature.columns}

    def _require(self, raw: Raw) -> None:
        absent = [name for name in self.raw_columns if name not in raw]
        if absent:
            needed = ", ".join(self.raw_columns)
            raise DataError(
                f"The data should have the columns {needed}. Absent: {', '.join(absent)}."
            )

    def _assert_well_formed(self, raw: Raw) -> None:
        malformed = self.malformed(raw)
        for (_, name), (wanted, lengths) in self._lengths(raw):
            uneven = tf.not_equal(wanted, lengths)
            malformed[name] = tf.logical_or(malformed.get(name, False), uneven)
        if not malformed:
            return
        wrong = tf.stack([tf.reduce_any(rows) for rows in malformed.values()])
        names = tf.boolean_mask(tf.constant(list(malformed)), wrong)
        right = tf.logical_not(tf.reduce_any(wrong))
        tf.debugging.Assert(right, ["Malformed values of the features", names], summarize=9)


def _build_all(feature_configs: Iterable[FeatureConfig], parts: Parts) -> list[Feature]:
    """Builds the features, and tells the problems of all of them at once."""
    features, problems = [], []
    for config in feature_configs:
        try:
            features.append(build_feature(config, parts))
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return features


def _merged(parts: Iterable[Mapping]) -> dict:
    return {name: value for part in parts for name, value in part.items()}


def _problem(feature: Feature, raw: Raw, row: int) -> str:
    received = " and ".join(
        f"`{_shown(raw[column.name][row])}` in column `{column.name}`" for column in feature.columns
    )
    rule = f"Feature `{feature.name}` should read {feature.expects}."
    return f"{rule} Received: {received}."


def _shown(value: tf.Tensor) -> str:
    scalar = value.numpy()
    return scalar.decode(errors="replace") if isinstance(scalar, bytes) else str(scalar)
