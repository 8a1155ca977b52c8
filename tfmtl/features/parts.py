"""What features are made of: the columns of the data, and vocabularies over them."""

from __future__ import annotations

from collections.abc import Iterable

from tfmtl.errors import ConfigError
from tfmtl.features.column import Column
from tfmtl.features.scaling import not_fitted
from tfmtl.features.vocabulary import (
    HashBuckets,
    NumBuckets,
    Vocabulary,
    VocabularyFile,
    VocabularyList,
)
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.feature_pb2 import FeatureConfig


class Parts:
    """The parts bin of one set of features, which share what they can.

    Args:
        input_fields: The columns of the data, as `data_config.input_fields` declares them.
    """

    def __init__(self, input_fields: Iterable[DatasetConfig.Field]) -> None:
        self._fields = {field.input_name: field for field in input_fields}
        self._files: dict[tuple[str, int], VocabularyFile] = {}

    def columns(self, config: FeatureConfig, most: int = 1) -> list[Column]:
        """The columns that a feature reads, one to `most`.

        Raises:
            ConfigError: If it names too many or none, or one that the data does not have.
        """
        names = list(config.input_names)
        if not 1 <= len(names) <= most:
            wanted = "one column" if most == 1 else f"1 to {most} columns"
            raise ConfigError([f"`input_names` should name {wanted}. Received: {names}."])
        unknown = [name for name in names if name not in self._fields]
        if unknown:
            known = ", ".join(self._fields)
            raise ConfigError(
                [
                    "`input_names` should name columns of `data_config.input_fields`. "
                    f"Received: `{name}`. Known: {known}."
                    for name in unknown
                ]
            )
        return [Column.from_field(self._fields[name]) for name in names]

    def fields(self, config: FeatureConfig) -> list[DatasetConfig.Field]:
        """The declarations of the columns that a feature reads, which are known."""
        return [self._fields[name] for name in config.input_names]

    def vocabulary(self, config: FeatureConfig, column: Column) -> Vocabulary:
        """The vocabulary of a feature: from statistics, or the first of hash, list, file, buckets.

        Raises:
            ConfigError: If it has none of them, or one that does not fit the column.
        """
        if config.HasField("vocabulary"):
            return _fitted_vocabulary(config, column)
        if config.hash_bucket_size:
            return HashBuckets(config.hash_bucket_size, precision_of(config, column))
        if config.vocab_list:
            return VocabularyList(config.vocab_list, precision_of(config, column))
        if config.vocab_file:
            return self._file(config.vocab_file, precision_of(config, column))
        if config.num_buckets:
            return NumBuckets(config.num_buckets)
        raise ConfigError(
            [
                "one of `hash_bucket_size`, `vocab_list`, `vocab_file` and `num_buckets` should be "
                "set. Received: none."
            ]
        )

    def _file(self, path: str, precision: int) -> VocabularyFile:
        """One table for all features of one file: there may be millions of words in it."""
        if (path, precision) not in self._files:
            self._files[path, precision] = VocabularyFile(path, precision)
        return self._files[path, precision]


def _fitted_vocabulary(config: FeatureConfig, column: Column) -> VocabularyList:
    """The words that came from statistics, after an id for all others."""
    if not config.vocabulary.words:
        raise ConfigError([not_fitted("vocabulary", "words")])
    return VocabularyList(config.vocabulary.words, precision_of(config, column), first=1)


def precision_of(config: FeatureConfig, column: Column) -> int:
    """The digits behind the point of a float as text; -1 where nothing needs them."""
    if not column.dtype.is_floating:
        return -1
    if config.precision < 0:
        raise ConfigError(
            [
                f"`precision` should be at least 0, because column `{column.name}` holds "
                f"{column.kind} numbers that must become text. "
                f"Received: {config.precision}."
            ]
        )
    return config.precision
