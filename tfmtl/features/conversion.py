"""Values into text, integers and numbers.

No value whatsoever makes these fail, since they run inside a server. What cannot be read as a
number becomes 0 or NaN; `is_whole` and `is_number` tell it apart, for training to check.
"""

from __future__ import annotations

import tensorflow as tf

_WHOLE = r"\s*[+-]?[0-9]+\s*"
_FITS_INT64 = r"\s*[+-]?0*[0-9]{1,18}\s*"
_NUMBER = (
    r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*|\s*[+-]?(?i:nan|inf|infinity)\s*"
)


def as_text(values: tf.Tensor, precision: int = -1) -> tf.Tensor:
    """Each value as text: 7 as "7", True as "true", 2.5 as "2.50" with a precision of 2."""
    if values.dtype == tf.string:
        return values
    if values.dtype.is_floating:
        return tf.strings.as_string(values, precision=precision)
    return tf.strings.as_string(values)


def as_integers(values: tf.Tensor) -> tf.Tensor:
    """Each value as an int64; NaN is -1. Text that is no whole number of up to 18 digits is 0."""
    if values.dtype == tf.string:
        fits = tf.strings.regex_full_match(values, _FITS_INT64)
        return tf.strings.to_number(tf.where(fits, values, "0"), tf.int64)
    if values.dtype.is_floating:
        values = tf.where(tf.math.is_nan(values), tf.constant(-1, values.dtype), values)
    return tf.cast(values, tf.int64)


def as_numbers(values: tf.Tensor, dtype: tf.DType = tf.float32) -> tf.Tensor:
    """Each value as a float. Text that is no number is NaN."""
    if values.dtype == tf.string:
        return tf.strings.to_number(tf.where(is_number(values), values, "nan"), dtype)
    return tf.cast(values, dtype)


def is_whole(values: tf.Tensor) -> tf.Tensor:
    """Whether each value, text or float, is a whole number, of any size."""
    if values.dtype == tf.string:
        return tf.strings.regex_full_match(values, _WHOLE)
    return tf.equal(values, tf.floor(values))


def is_number(text: tf.Tensor) -> tf.Tensor:
    """Whether each text is a number, NaN and the infinities among them."""
    return tf.strings.regex_full_match(text, _NUMBER)
