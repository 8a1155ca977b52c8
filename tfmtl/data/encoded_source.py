"""Rows of Parquet files whose features are encoded already, as `python -m tfmtl.convert` writes.

An encoded feature is a column `encoded/<feature>`, its weights are `encoded/<feature>/weights`.
What else tasks read, such as labels, stands beside them as in any other file. The file says with
which fingerprint each feature was encoded: another encoder's ids would mean something else.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import tensorflow as tf

from tfmtl.data import base, files, parquet_files
from tfmtl.data.arrow_tensors import Part, Single, arrow_type, from_parts, parts_of, types_of_parts
from tfmtl.data.columns import Column, declared_columns, nearest, select_columns
from tfmtl.data.group_cache import GroupCells
from tfmtl.data.packing import Packing
from tfmtl.data.parquet_files import ParquetFile, RowGroup
from tfmtl.data.parquet_source import ParquetSource, check_schemas
from tfmtl.data.samplers import Sampler
from tfmtl.errors import DataError
from tfmtl.protos import dataset_pb2

PREFIX = "encoded/"
_COMMAND = "python -m tfmtl.convert --encoded"
_AGAIN = f"Write it again from the raw data with `{_COMMAND}`"


@dataclasses.dataclass(frozen=True)
class Encoding:
    """How features are encoded.

    Attributes:
        fingerprints: Of each feature, by its name: equal where equal cells become equal values.
        signature: The encoded features.
        sizes: How many ids there are in each of them; None for numbers.
    """

    fingerprints: Mapping[str, str]
    signature: Mapping[str, tf.TypeSpec]
    sizes: Mapping[str, int | None]

    @property
    def specs(self) -> dict[str, tf.TypeSpec]:
        """The tensors of the columns of a file."""
        return {PREFIX + name: spec for name, spec in self.signature.items()}

    @property
    def types(self) -> dict[str, pa.DataType]:
        """The types of the columns of a file."""
        return {
            PREFIX + name: arrow_type(spec, self.sizes[name])
            for name, spec in self.signature.items()
        }


def is_encoded(data_config: dataset_pb2.DatasetConfig, paths: str) -> bool:
    """Whether the first file of a path is encoded.

    Raises:
        DataError: If there is no file, or it is damaged.
    """
    if data_config.input_type != dataset_pb2.DatasetConfig.ParquetInputV2:
        return False
    return bool(parquet_files.read_head(files.find_files(paths, files.PARQUET)[0].path).encoder)


def open_encoded(
    data_config: dataset_pb2.DatasetConfig,
    paths: str,
    encoding: Encoding,
    columns: Sequence[str],
    sampler: Sampler | None = None,
) -> EncodedSource:
    """Opens encoded data.

    Args:
        data_config: How to read it.
        paths: A comma-separated list of files, globs and directories.
        encoding: How its features should be encoded. It may have more of them.
        columns: The raw columns to read beside.
        sampler: Decides how often a row appears; the columns that it needs are read, too.

    Raises:
        DataError: If a file is missing or damaged, is encoded in another way, or lacks a column; or
            there is no row.
    """
    beside = [*columns, *(sampler.columns if sampler else [])]
    wanted = tuple(select_columns(declared_columns(data_config), beside))
    found = parquet_files.find_parquet(paths)
    for file in found:
        _check_encoding(file, encoding)
        _check_beside(file, wanted)
    check_schemas(found, wanted)
    groups = parquet_files.row_groups(paths, found)
    return EncodedSource(data_config, groups, wanted, encoding, sampler)


class EncodedSource(ParquetSource):
    """Rows whose features are encoded: batches have them under `encoded/<feature>`.

    Args:
        data_config: How to read them.
        groups: The row groups, in the order of the data, each with a row at least.
        columns: The raw columns to read.
        encoding: How the features are encoded.
        sampler: Decides how often a row appears.
    """

    def __init__(
        self,
        data_config: dataset_pb2.DatasetConfig,
        groups: Sequence[RowGroup],
        columns: tuple[Column, ...],
        encoding: Encoding,
        sampler: Sampler | None = None,
    ) -> None:
        super().__init__(data_config, groups, columns, sampler, beside=list(encoding.specs))
        self._specs = encoding.specs
        kinds = list(encoding.types.values())
        self._counts = [len(types_of_parts(kind)) for kind in kinds]
        self._packing = Packing(
            [*(column.dtype for column in columns), *itertools.chain(*map(types_of_parts, kinds))],
            [
                *(column.dtype != tf.string for column in columns),
                *itertools.chain(*map(_are_numbers, kinds)),
            ],
        )

    def _read_cells(self, table: pa.Table) -> GroupCells:
        cells = super()._read_cells(table)
        raw = [Single(tensor.numpy()) for tensor in cells.tensors.values()]
        encoded = [table[name].combine_chunks() for name in self._specs]
        parts = [*raw, *(part for array in encoded for part in parts_of(array))]
        return dataclasses.replace(cells, beside=self._packing.packed(parts))

    def _parse(self, *batch: tf.Tensor) -> base.Rows:
        (rows,) = batch
        # Everything at once: what a batch costs beside is for each call and each tensor.
        taken = tf.numpy_function(self._take, [rows], self._packing.dtypes)
        flat = iter(self._packing.unpacked(taken))
        raw = {column.name: tf.ensure_shape(next(flat), [None]) for column in self.columns}
        parts = [list(itertools.islice(flat, count)) for count in self._counts]
        encoded = {
            name: from_parts(its, spec)
            for its, (name, spec) in zip(parts, self._specs.items(), strict=True)
        }
        return {**raw, **encoded}

    def _take(self, rows: np.ndarray) -> list[np.ndarray]:
        """The parts of all columns, of some rows."""
        rows = np.sort(rows)  # Rows of one group are taken together.
        groups = np.searchsorted(self._ends, rows, side="right")
        starts = [0, *(np.flatnonzero(np.diff(groups)) + 1), len(rows)]
        taken = [
            self._take_of_group(int(groups[start]), rows[start:end])
            for start, end in itertools.pairwise(starts)
        ]
        if len(taken) == 1:
            return taken[0]
        return [np.concatenate(its) for its in zip(*taken, strict=True)]

    def _take_of_group(self, group: int, rows: np.ndarray) -> list[np.ndarray]:
        parts: list[Part] = self._good_cells(group).beside
        own = rows - self._start(group)
        return [part.take(own) for part in parts]


def _are_numbers(kind: pa.DataType) -> list[bool]:
    """Which parts of an array have one number a row: its values, or of lists their lengths."""
    others = [False] * (len(types_of_parts(kind)) - 1)
    return [not pa.types.is_fixed_size_list(kind), *others]


def _check_encoding(file: ParquetFile, encoding: Encoding) -> None:
    there = file.encoder
    if not there:
        raise DataError(f"{file.path}: should be encoded, as the files before it. {_AGAIN}.")
    absent = [name for name in encoding.fingerprints if name not in there]
    if absent:
        told = ", ".join(f"`{name}`{nearest(name, there)}" for name in absent)
        raise DataError(f"{file.path}: should have the encoded features {told}. {_AGAIN}.")
    changed = [name for name, its in encoding.fingerprints.items() if there[name] != its]
    if changed:
        told = ", ".join(f"`{name}`" for name in changed)
        raise DataError(
            f"{file.path}: was encoded in another way than the config says, of {told}. {_AGAIN}, "
            "or take back what was changed of these features, their columns or their vocabularies."
        )
    for name, kind in encoding.types.items():
        if file.schema.field(name).type != kind:
            received = file.schema.field(name).type
            raise DataError(f"{file.path}: `{name}` should be {kind}. Received: {received}.")


def _check_beside(file: ParquetFile, columns: Sequence[Column]) -> None:
    absent = [column.name for column in columns if column.name not in file.schema.names]
    if absent:
        told = ", ".join(f"`{name}`" for name in absent)
        raise DataError(
            f"{file.path}: is encoded, and lacks the columns {told}. Write it again from the raw "
            f"data with `{_COMMAND} --reserved_cols {','.join(absent)}`."
        )
