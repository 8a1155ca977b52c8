"""How the values of a column become ids: by hash, by a list or a file of words, or as they are.

Ids are int64 in [0, size). A value that is not in the vocabulary has id 0; -1 means a missing one.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence

import tensorflow as tf

from tfmtl.features.column import missing
from tfmtl.features.conversion import as_integers, as_text, is_whole
from tfmtl.features.vocabulary_file import check_words, read_words

MISSING = -1
UNKNOWN = 0


class Vocabulary(tf.Module, abc.ABC):
    """Turns values into ids. As a module it takes its table or file along when it is saved.

    Args:
        size: How many ids there are.
    """

    reads = "items"
    """What its values are called in messages."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    @abc.abstractmethod
    def ids(self, values: tf.Tensor) -> tf.Tensor:
        """The id of each value, whatever its type; shapes are kept."""

    def ids_or_missing(self, values: tf.Tensor) -> tf.Tensor:
        """The id of each value, and -1 where it is missing."""
        return _or_missing(self.ids(values), values)

    def malformed(self, values: tf.Tensor) -> tf.Tensor | None:
        """Where a value is not of the kind the vocabulary needs, or None if every value is."""
        del values
        return None


def _or_missing(ids: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    absent = missing(values)
    return ids if absent is None else tf.where(absent, tf.constant(MISSING, tf.int64), ids)


class HashBuckets(Vocabulary):
    """id = hash(text) mod size, where the hash is `tf.strings.to_hash_bucket_fast`.

    Args:
        size: How many buckets there are.
        precision: Digits behind the point of a float as text.
    """

    def __init__(self, size: int, precision: int = -1) -> None:
        super().__init__(size)
        self._precision = precision

    def ids(self, values: tf.Tensor) -> tf.Tensor:
        return tf.strings.to_hash_bucket_fast(as_text(values, self._precision), self.size)


class _WordTable(Vocabulary):
    """id = place of the text among given words, from 0."""

    def __init__(
        self, size: int, initializer: tf.lookup.experimental.TableInitializerBase, precision: int
    ) -> None:
        super().__init__(size)
        self._precision = precision
        self._table = tf.lookup.StaticHashTable(initializer, UNKNOWN)

    def ids(self, values: tf.Tensor) -> tf.Tensor:
        return self._table.lookup(as_text(values, self._precision))


class VocabularyList(_WordTable):
    """Words given one by one. They are part of the graph; a file is lighter when they are many.

    Args:
        words: The words, all different and none of them empty.
        precision: Digits behind the point of a float as text.
        first: The id of the first word. From 1 on no word shares id 0 with the unknown ones.

    Raises:
        ConfigError: If the words are not so.
    """

    def __init__(self, words: Sequence[str], precision: int = -1, first: int = 0) -> None:
        check_words([word.encode() for word in words], "`vocab_list`")
        places = tf.range(first, first + len(words), dtype=tf.int64)
        initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(list(words)), places)
        super().__init__(first + len(words), initializer, precision)


class VocabularyFile(_WordTable):
    """Words of a file, one a line. An export copies the file among its assets.

    Args:
        path: The file.
        precision: Digits behind the point of a float as text.

    Raises:
        ConfigError: If the file cannot be read, or its words are not all different and not empty.
    """

    def __init__(self, path: str, precision: int = -1) -> None:
        size = len(read_words(path))
        initializer = tf.lookup.TextFileInitializer(
            tf.saved_model.Asset(path),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
            vocab_size=size,
        )
        super().__init__(size, initializer, precision)


class NumBuckets(Vocabulary):
    """id = the value itself; a value outside [0, size), or text that is no whole number, has id 0.

    Args:
        size: How many ids there are.
    """

    reads = "whole numbers"

    def ids(self, values: tf.Tensor) -> tf.Tensor:
        return self._within(as_integers(values), lowest=0)

    def ids_or_missing(self, values: tf.Tensor) -> tf.Tensor:
        return _or_missing(self._within(as_integers(values), lowest=MISSING), values)

    def malformed(self, values: tf.Tensor) -> tf.Tensor | None:
        if not (values.dtype == tf.string or values.dtype.is_floating):
            return None
        present = tf.logical_not(missing(values))
        return tf.logical_and(present, tf.logical_not(is_whole(values)))

    def _within(self, integers: tf.Tensor, lowest: int) -> tf.Tensor:
        inside = tf.logical_and(integers >= lowest, integers < self.size)
        return tf.where(inside, integers, UNKNOWN)
