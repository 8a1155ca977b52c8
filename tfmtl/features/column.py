"""A column of the data, as the features see it."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from tfmtl.errors import ConfigError
from tfmtl.protos.dataset_pb2 import DatasetConfig

_DTYPES = {
    DatasetConfig.INT32: tf.int32,
    DatasetConfig.INT64: tf.int64,
    DatasetConfig.STRING: tf.string,
    DatasetConfig.FLOAT: tf.float32,
    DatasetConfig.DOUBLE: tf.float64,
    DatasetConfig.BOOL: tf.bool,
}


@dataclasses.dataclass(frozen=True)
class Column:
    """A column: one value a row.

    Args:
        name: Its name.
        dtype: Type of its values.
        default: Text that stands for an empty cell. Readers put it into columns of numbers; columns
            of text arrive with their cells empty, in training as in serving, and get it here, as
            do floats that a server is sent as NaN.
    """

    name: str
    dtype: tf.DType = tf.string
    default: str = ""

    @classmethod
    def from_field(cls, field: DatasetConfig.Field) -> Column:
        """The column that `data_config.input_fields` declares."""
        return cls(field.input_name, _DTYPES[field.input_type], field.default_val)

    @property
    def kind(self) -> str:
        """Its type, as a config spells it."""
        return next(
            DatasetConfig.FieldType.Name(key) for key in _DTYPES if _DTYPES[key] == self.dtype
        )

    @property
    def spec(self) -> tf.TensorSpec:
        """What a server takes of it."""
        return tf.TensorSpec([None], self.dtype, self.name)

    @property
    def is_text(self) -> bool:
        """Whether its values are text."""
        return self.dtype == tf.string

    @property
    def default_number(self) -> float:
        """Its default as a number; 0 without one.

        Raises:
            ConfigError: If it is none.
        """
        try:
            return float(self.default or 0)
        except ValueError as error:
            rule = "`default_val` of its column should be a number."
            raise ConfigError([f"{rule} Received: `{self.default}`."]) from error

    def filled(self, values: tf.Tensor) -> tf.Tensor:
        """The values, with the default in place of an empty text or NaN."""
        if self.default and self.is_text:
            return tf.where(tf.equal(values, ""), self.default, values)
        if self.default and self.dtype.is_floating:
            return tf.where(tf.math.is_nan(values), self.default_number, values)
        return values


def missing(values: tf.Tensor) -> tf.Tensor | None:
    """Where a value is missing: "" in text, -1 among integers, NaN among floats.

    None for booleans, which never are.
    """
    if values.dtype == tf.bool:
        return None
    if values.dtype.is_floating:
        return tf.math.is_nan(values)
    return tf.equal(values, "" if values.dtype == tf.string else tf.constant(-1, values.dtype))
