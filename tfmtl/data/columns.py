"""The columns that a data config declares, and what an empty cell of each means."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import tensorflow as tf

from tfmtl import config
from tfmtl.data import kinds
from tfmtl.errors import ConfigError
from tfmtl.protos import dataset_pb2


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of the data.

    Attributes:
        name: Its name in the config and in the rows.
        kind: What its cells may hold.
        empty: What an empty cell means; None for a label or propensity that is missing then.
        is_target: Whether it is a label, the sample weight or the propensity of a sampler. Those
            are float32, and rows to predict on need not have them.
        function: A function that is applied to it, by its plain name; "" for none.
    """

    name: str
    kind: kinds.Kind
    empty: Any
    is_target: bool = False
    function: str = ""

    @property
    def dtype(self) -> tf.DType:
        """The type of its tensors."""
        return tf.float32 if self.is_target else self.kind.dtype

    @property
    def csv_default(self) -> Any:
        """What the CSV parser puts into an empty cell."""
        if self.empty is None:
            return self.kind.marker
        return str(self.empty) if self.kind.csv_dtype == tf.string else self.empty

    def fill(self, cells: tf.Tensor) -> tf.Tensor:
        """Turns the cells that the CSV parser read into values, `(batch,)`."""
        return tf.cast(self.kind.fill(cells, self.empty), self.dtype)

    def fill_empty(self, values: tf.Tensor, is_empty: tf.Tensor) -> tf.Tensor:
        """Puts what an empty cell means into values of the declared type, `(batch,)`."""
        if values.dtype == tf.string:
            return values
        empty = float("nan") if self.empty is None else self.empty
        return tf.where(is_empty, tf.constant(empty, self.dtype), tf.cast(values, self.dtype))


def declared_columns(data_config: dataset_pb2.DatasetConfig) -> list[Column]:
    """The columns of `input_fields`, in their order."""
    return [_column(field, data_config) for field in data_config.input_fields]


def select_columns(columns: Sequence[Column], names: Sequence[str] | None) -> list[Column]:
    """The columns of these names, in the declared order; all of them if None."""
    if names is None:
        return list(columns)
    known = [column.name for column in columns]
    for name in names:
        if name not in known:
            raise ConfigError(
                [f"`data_config.input_fields` has no column `{name}`{nearest(name, known)}."]
            )
    return [column for column in columns if column.name in set(names)]


def columns_to_read(
    columns: Sequence[Column], names: Iterable[Collection[str]], labels_required: bool
) -> tuple[Column, ...]:
    """The wanted columns; without the labels that some rows lack, if they may be lacking.

    Args:
        columns: The columns that are wanted.
        names: The columns that are there, in each file.
        labels_required: Whether labels may not be lacking.
    """
    present = [set(each) for each in names]
    return tuple(
        column
        for column in columns
        if labels_required or not column.is_target or all(column.name in each for each in present)
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """The words that offer the known name nearest to an unknown one; empty if none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (nearest: `{near[0]}`)" if near else ""


def _column(
    field: dataset_pb2.DatasetConfig.Field, data_config: dataset_pb2.DatasetConfig
) -> Column:
    is_target = field.input_name in config.target_columns(data_config)
    may_lack = is_target and field.input_name != data_config.sample_weight
    # A label that is written as text is a number all the same.
    is_text = field.input_type == dataset_pb2.DatasetConfig.STRING
    kind = kinds.kind_of(
        dataset_pb2.DatasetConfig.FLOAT if is_target and is_text else field.input_type
    )
    function = config.column_function(field.user_define_fn)
    is_label = field.input_name in data_config.label_fields
    empty = _empty(field, kind, may_lack)
    return Column(field.input_name, kind, empty, is_target, function if is_label else "")


def _empty(field: dataset_pb2.DatasetConfig.Field, kind: kinds.Kind, may_lack: bool) -> Any:
    if kind.dtype == tf.string:
        return ""
    if not field.default_val:
        return None if may_lack else kind.zero
    if not kind.takes(field.default_val):
        raise ConfigError(
            [
                f"`default_val` of column `{field.input_name}` in `data_config.input_fields` "
                f'should be {kind}. Received: "{field.default_val}".'
            ]
        )
    return kind.parse(field.default_val)
