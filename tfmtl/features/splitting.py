"""Lists in the cells of a column, as ragged tensors."""

from __future__ import annotations

import tensorflow as tf

from tfmtl.features.column import missing

_UNIT_SEPARATOR = "\x1f"  # ASCII's own separator, which no text contains.


def split_items(text: tf.Tensor, separator: str) -> tf.RaggedTensor:
    """Splits each text at every character of `separator`. Empty items are dropped.

    Args:
        text: Texts, (batch,).
        separator: Its characters, of which each separates.

    Returns:
        The items, ragged (batch, None).
    """
    if not separator.isascii():
        # The operation below splits at bytes, of which such a character has several.
        text = tf.strings.regex_replace(text, _any_of(separator), _UNIT_SEPARATOR)
        separator = _UNIT_SEPARATOR
    pieces = tf.raw_ops.StringSplit(input=text, delimiter=separator, skip_empty=True)
    return _ragged(pieces.values, pieces.indices[:, 0], pieces.shape[0])


def split_places(text: tf.Tensor, separator: str) -> tf.RaggedTensor:
    """Splits each text at the whole `separator`. Empty items stay, so that each keeps its place."""
    pieces = tf.raw_ops.StringSplitV2(input=text, sep=separator)
    return _ragged(pieces.values, pieces.indices[:, 0], pieces.shape[0])


def split_once(text: tf.Tensor, separator: str) -> tuple[tf.Tensor, tf.Tensor]:
    """What stands before the first `separator` in each text and what after it; "" if nothing."""
    pieces = tf.raw_ops.StringSplitV2(input=text, sep=separator, maxsplit=1)
    rows = tf.shape(text, tf.int64)[0]
    pairs = _ragged(pieces.values, pieces.indices[:, 0], rows).to_tensor("", shape=[None, 2])
    return pairs[:, 0], pairs[:, 1]


def bags_of_one(values: tf.Tensor) -> tf.RaggedTensor:
    """Each value as a bag of one, or an empty bag where it is missing."""
    absent = missing(values)
    if absent is None:
        return tf.RaggedTensor.from_row_splits(
            values, tf.range(tf.size(values, tf.int64) + 1), validate=False
        )
    present = tf.logical_not(absent)
    lengths = tf.cast(present, tf.int64)
    return tf.RaggedTensor.from_row_lengths(
        tf.boolean_mask(values, present), lengths, validate=False
    )


def _any_of(characters: str) -> str:
    """A pattern that matches each of the characters."""
    return "|".join(f"\\x{{{ord(character):x}}}" for character in characters)


def _ragged(values: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.RaggedTensor:
    """Values whose rows are known and ascending, as a ragged tensor of `count` rows."""
    # A row begins at the first value whose row is not before it.
    splits = tf.raw_ops.LowerBound(
        sorted_inputs=rows[tf.newaxis], values=tf.range(count + 1)[tf.newaxis], out_type=tf.int64
    )
    return tf.RaggedTensor.from_row_splits(values, splits[0], validate=False)
