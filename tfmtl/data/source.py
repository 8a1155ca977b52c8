"""Opens data: files or a DataFrame."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pandas as pd

from tfmtl.data.base import Source
from tfmtl.data.columns import declared_columns, select_columns
from tfmtl.data.csv_source import open_csv
from tfmtl.data.dummy_source import open_dummy
from tfmtl.data.frame_source import open_frame
from tfmtl.data.parquet_source import open_parquet
from tfmtl.data.samplers import Sampler
from tfmtl.data.tfrecord_source import open_tfrecords
from tfmtl.protos import dataset_pb2

_OPENERS = {
    dataset_pb2.DatasetConfig.ParquetInputV2: open_parquet,
    dataset_pb2.DatasetConfig.TFRecordInput: open_tfrecords,
    dataset_pb2.DatasetConfig.DummyInput: open_dummy,
}


def open_source(
    data_config: dataset_pb2.DatasetConfig,
    data: str | os.PathLike[str] | pd.DataFrame,
    columns: Sequence[str] | None = None,
    labels_required: bool = True,
    sampler: Sampler | None = None,
) -> Source:
    """Opens data to read rows from.

    Labels, the sample weight and propensities become float32, and a label or propensity whose cell
    is empty becomes NaN unless the config has a `default_val` for it. All other columns have their
    declared types, and an empty cell is the `default_val`, or 0; in text columns it stays empty.

    Args:
        data_config: The columns, and how to read them.
        data: A comma-separated list of files, globs and directories; or a DataFrame.
        columns: The columns to read. None reads all that are declared. Cells of other columns may
            hold anything.
        labels_required: Whether labels, the sample weight and propensities must be there. If not,
            they are read where they are.
        sampler: Decides how often a row appears; the columns that it needs are read, too.

    Raises:
        DataError: If the data is missing, empty, or lacks a column.

    Example:
        >>> source = open_source(pipeline.data_config, "log/part-*.csv.gz")
        >>> for batch in source.dataset(batch_size=4096, shuffle=True):
        ...     print(batch["user_id"])
    """
    if columns is not None and sampler is not None:
        columns = [*columns, *sampler.columns]
    wanted = select_columns(declared_columns(data_config), columns)
    if isinstance(data, pd.DataFrame):
        return open_frame(data_config, data, wanted, labels_required, sampler)
    open_files = _OPENERS.get(data_config.input_type, open_csv)
    return open_files(data_config, os.fspath(data), wanted, labels_required, sampler)
