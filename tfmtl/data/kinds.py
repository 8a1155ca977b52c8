"""The types of columns: what a cell of each may hold, and what it becomes.

A text is a value of its type exactly when TensorFlow's CSV parser takes it: spaces around a number
are fine, `1.5` is no INT32, a number beyond the type's range is none either, and a FLOAT may be
written as `1e-3`, `0x1p3`, `inf` or `nan`. A FLOAT that is NaN counts as an empty cell.
"""

from __future__ import annotations

import abc
import functools
import re
from typing import Any

import numpy as np
import tensorflow as tf

from tfmtl.protos import dataset_pb2

_SPACE = r"[ \t\n\v\f\r]*"
_TRUE = f"{_SPACE}(?i:true|1){_SPACE}"
_FALSE = f"{_SPACE}(?i:false|0){_SPACE}"

_DECIMAL = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_HEXADECIMAL = r"0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?"
_NAN = r"(?i:nan)(?:\([0-9A-Za-z_]*\))?"
_FLOAT = f"{_SPACE}[+-]?(?:{_HEXADECIMAL}|{_DECIMAL}|(?i:inf(?:inity)?)|{_NAN}){_SPACE}"


class Kind(abc.ABC):
    """A type of columns.

    A label may be missing, which no INT32 can say; so an empty cell is first read as the `marker`
    of its type, and becomes NaN where labels become float32.

    Args:
        name: Its name in the config, such as `INT32`.
        dtype: The type of its tensors.
        pattern: The texts of its cells, a regular expression that RE2 and `re` read alike.
            None takes any text.
        zero: What an empty cell means when the config does not say.
        marker: What stands for an empty cell that has no value.
    """

    def __init__(
        self, name: str, dtype: tf.DType, pattern: str | None, zero: Any, marker: Any
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.pattern = pattern
        self.zero = zero
        self.marker = marker

    @property
    def csv_dtype(self) -> tf.DType:
        """The type that the CSV parser reads it as."""
        return self.dtype

    def __str__(self) -> str:
        return f"an {self.name}" if self.name.startswith("I") else f"a {self.name}"

    def takes(self, text: str) -> bool:
        """Whether a cell of this text is one of this type."""
        return self.pattern is None or re.fullmatch(self.pattern, text) is not None

    def holds(self, numbers: np.ndarray) -> np.ndarray:
        """Whether each number is a value of this type."""
        return np.ones(numbers.shape, dtype=bool)

    @abc.abstractmethod
    def parse(self, text: str) -> Any:
        """The value of a text that it `takes`."""

    @abc.abstractmethod
    def fill(self, cells: tf.Tensor, empty: Any) -> tf.Tensor:
        """Turns parsed cells into values.

        Args:
            cells: What the CSV parser read, `(batch,)`; empty cells are `empty`, or the marker.
            empty: What an empty cell means. None if it is missing; the values are float32 then.
        """


class _Integer(Kind):
    """INT32 and INT64."""

    def __init__(self, name: str, dtype: tf.DType) -> None:
        super().__init__(name, dtype, _integers(dtype), zero=0, marker=dtype.min)

    def holds(self, numbers: np.ndarray) -> np.ndarray:
        in_range = (numbers >= int(self.dtype.min)) & (numbers < int(self.dtype.max) + 1)
        return (numbers == np.floor(numbers)) & in_range

    def parse(self, text: str) -> int:
        return int(text)

    def fill(self, cells: tf.Tensor, empty: Any) -> tf.Tensor:
        if empty is not None:
            return cells
        return tf.where(cells == self.marker, float("nan"), tf.cast(cells, tf.float32))


class _Float(Kind):
    """FLOAT and DOUBLE."""

    def __init__(self, name: str, dtype: tf.DType) -> None:
        super().__init__(name, dtype, _FLOAT, zero=0.0, marker=float("nan"))

    def parse(self, text: str) -> float:
        bare = text.strip().lower()
        if "nan" in bare:
            return float("nan")
        return float.fromhex(bare) if "x" in bare else float(bare)

    def fill(self, cells: tf.Tensor, empty: Any) -> tf.Tensor:
        if empty is None:
            return tf.cast(cells, tf.float32)
        return tf.where(tf.math.is_nan(cells), tf.constant(empty, cells.dtype), cells)


class _Bool(Kind):
    """BOOL: true, false, 1 or 0, in any case. The CSV parser reads it as text."""

    def __init__(self) -> None:
        super().__init__("BOOL", tf.bool, f"{_TRUE}|{_FALSE}", zero=False, marker="")

    @property
    def csv_dtype(self) -> tf.DType:
        return tf.string

    def holds(self, numbers: np.ndarray) -> np.ndarray:
        return (numbers == 0) | (numbers == 1)

    def parse(self, text: str) -> bool:
        return re.fullmatch(_TRUE, text) is not None

    def fill(self, cells: tf.Tensor, empty: Any) -> tf.Tensor:
        missing = cells == self.marker
        known = tf.strings.regex_full_match(cells, self.pattern) | missing
        # tf.data raises it as an InvalidArgumentError, as the CSV parser does for numbers.
        tf.debugging.Assert(tf.reduce_all(known), ["A cell is not a BOOL."])
        truth = tf.strings.regex_full_match(cells, _TRUE)
        if empty is not None:
            return tf.where(missing, empty, truth)
        return tf.where(missing, float("nan"), tf.cast(truth, tf.float32))


class _Text(Kind):
    """STRING: any bytes. An empty cell stays empty; features have their own defaults."""

    def __init__(self) -> None:
        super().__init__("STRING", tf.string, pattern=None, zero="", marker="")

    def parse(self, text: str) -> str:
        return text

    def fill(self, cells: tf.Tensor, empty: Any) -> tf.Tensor:
        del empty
        return cells


def kind_of(field_type: int) -> Kind:
    """The kind of a `DatasetConfig.FieldType`."""
    return _kinds()[field_type]


def name_wider(kind: Kind, text: str) -> str | None:
    """Names the nearest type that takes a text which `kind` does not, or None."""
    names = {"INT32": ("INT64", "DOUBLE"), "INT64": ("DOUBLE",)}.get(kind.name, ())
    return next((wider.name for wider in _named(names) if wider.takes(text)), None)


@functools.cache
def _kinds() -> dict[int, Kind]:
    config = dataset_pb2.DatasetConfig
    return {
        config.INT32: _Integer("INT32", tf.int32),
        config.INT64: _Integer("INT64", tf.int64),
        config.STRING: _Text(),
        config.FLOAT: _Float("FLOAT", tf.float32),
        config.DOUBLE: _Float("DOUBLE", tf.float64),
        config.BOOL: _Bool(),
    }


def _named(names: tuple[str, ...]) -> list[Kind]:
    return [kind for name in names for kind in _kinds().values() if kind.name == name]


def _integers(dtype: tf.DType) -> str:
    up, down = _at_most(str(dtype.max)), _at_most(str(-int(dtype.min)))
    return f"{_SPACE}(?:[+]?0*(?:{up})|-0*(?:{down})){_SPACE}"


def _at_most(limit: str) -> str:
    """The pattern of whole numbers from 0 to `limit`, digit by digit."""
    shorter = f"[0-9]{{1,{len(limit) - 1}}}"
    smaller = [
        f"{limit[:place]}[0-{int(digit) - 1}][0-9]{{{len(limit) - place - 1}}}"
        for place, digit in enumerate(limit)
        if digit != "0"
    ]
    return "|".join([shorter, *smaller, limit])
