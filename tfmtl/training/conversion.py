"""Writes data again: as Parquet or TFRecord, as it is or with its features encoded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import pyarrow as pa
import tensorflow as tf

from tfmtl.data import build_sampler, open_source, translate_errors
from tfmtl.data.arrow_columns import column_array, column_type
from tfmtl.data.arrow_tensors import to_arrow
from tfmtl.data.columns import declared_columns
from tfmtl.data.encoded_source import PREFIX
from tfmtl.data.nullable_rows import Cells, NullableRows
from tfmtl.data.parquet_files import encoder_metadata
from tfmtl.data.part_files import PARQUET, check_new_folder, part_files
from tfmtl.errors import DataError
from tfmtl.features import Columns
from tfmtl.features.feature import Encoded
from tfmtl.models import build_tasks
from tfmtl.protos import dataset_pb2, pipeline_pb2
from tfmtl.tasks import build_judges
from tfmtl.training.batches import Batches
from tfmtl.training.build import needed_columns
from tfmtl.training.encoded import encoding_of

if TYPE_CHECKING:
    import pandas as pd

Data: TypeAlias = "str | os.PathLike[str] | pd.DataFrame"

_BATCH = 8192
_OF_ENCODED = "snappy"  # A fifth larger than zstd, and unpacked in three quarters of the time.


class Conversion(NamedTuple):
    """What was written.

    Args:
        rows: Rows.
        files: Files that hold them.
    """

    rows: int
    files: int


def convert(
    pipeline: pipeline_pb2.Pipeline,
    data: Data,
    folder: Path,
    *,
    kind: str = PARQUET,
    encoded: bool = False,
    reserved: Sequence[str] = (),
    compression: str = "",
    file_rows: int = 1 << 20,
) -> Conversion:
    """Writes rows to a folder of files, in their order; their number does not matter.

    Empty cells stay empty, missing labels missing. Columns that `data_config` does not declare are
    left out.

    Args:
        pipeline: A checked config, which says how to read the data.
        data: A comma-separated list of files, globs and directories; or a DataFrame.
        folder: The folder, new or empty.
        kind: `parquet` or `tfrecord`.
        encoded: Whether to write the features as the config encodes them, instead of the columns
            that they are made of. Columns that tasks and evaluations need are written as they are.
        reserved: More columns to write as they are, beside encoded features.
        compression: Of Parquet zstd (the default), snappy (that of encoded features), gzip or
            none; of TFRecord GZIP (the default), ZLIB or none.
        file_rows: Rows of a file, about.

    Raises:
        DataError: If the data cannot be read, a cell cannot be encoded, or nothing can be written.
    """
    check_new_folder(folder)
    if encoded and kind != PARQUET:
        raise DataError(f"Encoded features should be written as {PARQUET}. Received: {kind}.")
    if reserved and not encoded:
        raise DataError(
            "Columns should be reserved beside encoded features; without those all that are "
            f"declared are written. Received: {', '.join(reserved)}."
        )
    tables = _Encoded(pipeline, data, reserved) if encoded else _Raw(pipeline, data)
    packing = compression or (_OF_ENCODED if encoded else "")
    with part_files(folder, kind, tables.schema, packing, file_rows) as parts:
        for table in tables.read():
            parts.write(table)
        parts.close()
        if not parts.rows:
            raise tables.source.no_rows_error()
    tables.source.tell_skipped()
    return Conversion(parts.rows, parts.files)


class _Raw:
    """Rows as tables, of the columns as they are.

    Args:
        pipeline: A checked config.
        data: The data.
    """

    def __init__(self, pipeline: pipeline_pb2.Pipeline, data: Data) -> None:
        settings = _of_present(pipeline.data_config, data)
        self._rows = NullableRows(settings, data)
        self.source = self._rows.source
        self.schema = _raw_schema(settings)

    def read(self) -> Iterator[pa.Table]:
        """The rows, in their order."""
        with translate_errors(self.source):
            for cells in self._rows.dataset(_BATCH):
                yield pa.table(_raw_arrays(cells, self.schema), self.schema)


class _Encoded:
    """Rows as tables, of the encoded features and the columns that are needed beside.

    Args:
        pipeline: A checked config.
        data: The data.
        reserved: More columns.
    """

    def __init__(
        self, pipeline: pipeline_pb2.Pipeline, data: Data, reserved: Sequence[str]
    ) -> None:
        settings = pipeline.data_config
        self._columns = Columns.from_pipeline(pipeline)
        beside = list(dict.fromkeys([*_needed(pipeline), *reserved]))
        names = list(dict.fromkeys([*self._columns.raw_columns, *beside]))
        self._rows = NullableRows(settings, data, names)
        self.source = self._rows.source
        self._declared = {column.name: column for column in declared_columns(settings)}
        self._strict = settings.bad_rows != dataset_pb2.DatasetConfig.SKIP
        encoding = encoding_of(pipeline, self._columns)
        self._raw_schema = _raw_schema(settings, beside)
        encoded = [pa.field(*its, nullable=False) for its in encoding.types.items()]
        fields = [*self._raw_schema, *encoded]
        self.schema = pa.schema(fields, encoder_metadata(encoding.fingerprints))

    def read(self) -> Iterator[pa.Table]:
        """The rows, in their order."""
        batches = Batches(self.source, self._columns, [], _BATCH, self._strict)
        rows = self._rows.dataset(_BATCH).map(self._encode, tf.data.AUTOTUNE, deterministic=True)
        for cells, encoded in batches.read(rows):
            arrays = _raw_arrays(cells, self._raw_schema)
            for name, value in encoded.items():
                column = PREFIX + name
                arrays[column] = to_arrow(value, self.schema.field(column).type)
            yield pa.table(arrays, self.schema)

    @tf.autograph.experimental.do_not_convert
    def _encode(self, cells: Mapping[str, Cells]) -> tuple[Mapping[str, Cells], Encoded]:
        raw = {name: self._declared[name].fill_empty(*its) for name, its in cells.items()}
        return cells, self._columns.encode(raw, strict=self._strict)


def _of_present(settings: dataset_pb2.DatasetConfig, data: Data) -> dataset_pb2.DatasetConfig:
    """The config without the labels that the data lacks, as data to predict on may."""
    present = {column.name for column in open_source(settings, data, labels_required=False).columns}
    kept = dataset_pb2.DatasetConfig()
    kept.CopyFrom(settings)
    del kept.input_fields[:]
    kept.input_fields.extend(each for each in settings.input_fields if each.input_name in present)
    return kept


def _needed(pipeline: pipeline_pb2.Pipeline) -> list[str]:
    """The columns that training, sampling and evaluating read beside the features."""
    tasks = build_tasks(pipeline)
    sampler = build_sampler(pipeline.data_config)
    of_sampler = sampler.columns if sampler else []
    return [*needed_columns(pipeline, [*tasks, *build_judges(pipeline, tasks)]), *of_sampler]


def _raw_schema(
    settings: dataset_pb2.DatasetConfig, names: Sequence[str] | None = None
) -> pa.Schema:
    fields = [each for each in settings.input_fields if names is None or each.input_name in names]
    return pa.schema([pa.field(each.input_name, column_type(each)) for each in fields])


def _raw_arrays(cells: Mapping[str, Cells], schema: pa.Schema) -> dict[str, pa.Array]:
    return {
        field.name: column_array(
            cells[field.name].values.numpy(), cells[field.name].is_empty.numpy(), field.type
        )
        for field in schema
    }
