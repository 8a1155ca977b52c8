"""Files of predictions: CSV or Parquet, written batch by batch, and there only when complete."""

from __future__ import annotations

import abc
import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from tfmtl import config
from tfmtl.errors import DataError

# A column, `(rows,)` or `(rows, values)`; text as bytes.
Values: TypeAlias = "np.ndarray | pd.arrays.IntegerArray"
Batch: TypeAlias = Mapping[str, Values]


class PredictionFile(abc.ABC):
    """A file that is being written.

    Args:
        path: Where.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @abc.abstractmethod
    def write(self, batch: Batch) -> None:
        """Appends rows; the columns are those of the first batch."""

    @abc.abstractmethod
    def close(self) -> None:
        """Completes the file."""


class CsvFile(PredictionFile):
    """Comma-separated, with a header. A cell of several values is a JSON list."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        compression = "gzip" if path.suffix == ".gz" else None
        self._file = pa.output_stream(path, compression=compression)
        self._header = True

    def write(self, batch: Batch) -> None:
        frame = pd.DataFrame({name: _csv_column(values) for name, values in batch.items()})
        text = frame.to_csv(index=False, header=self._header, lineterminator="\n")
        # Bytes that are no UTF-8 come out as they came in.
        self._file.write(text.encode("utf-8", "surrogateescape"))
        self._header = False

    def close(self) -> None:
        self._file.close()


class ParquetFile(PredictionFile):
    """Parquet; a cell of several values is a list."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._writer: pyarrow.parquet.ParquetWriter | None = None

    def write(self, batch: Batch) -> None:
        table = pa.table({name: _arrow_column(values) for name, values in batch.items()})
        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(self.path, table.schema)
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


_KINDS: dict[str, Callable[[Path], PredictionFile]] = {
    ".csv": CsvFile,
    ".csv.gz": CsvFile,
    ".parquet": ParquetFile,
}


def check_prediction_path(path: Path) -> None:
    """Raises if a file of predictions cannot have this name.

    Raises:
        DataError: With the names it may have.
    """
    if _kind(path) is None:
        raise DataError(
            f"The file of predictions should end in .csv, .csv.gz or .parquet. Received: `{path}`."
        )
    if not path.parent.is_dir():
        raise DataError(
            f"The file of predictions should be in a folder that exists. Received: `{path}`."
        )


@contextlib.contextmanager
def prediction_file(path: Path) -> Iterator[PredictionFile]:
    """Opens a file of predictions, which appears under its name when all is written.

    Raises:
        DataError: If it cannot be written.
    """
    check_prediction_path(path)
    aside = config.aside(path)
    try:
        file = _KINDS[_kind(path) or ""](aside)
        with contextlib.closing(file):
            yield file
        aside.replace(path)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error  # Arrow's words are many.
        raise DataError(f"The predictions `{path}` could not be written: {reason}.") from error
    finally:
        aside.unlink(missing_ok=True)


def _kind(path: Path) -> str | None:
    return next((ending for ending in _KINDS if path.name.endswith(ending)), None)


def _csv_column(values: Values) -> Values | pd.Series:
    if values.ndim > 1:
        return pd.Series([_json_list(row) for row in values], dtype=object)
    if values.dtype == object:
        return pd.Series(_decoded(values, "surrogateescape"), dtype=object)
    return values


def _json_list(values: np.ndarray) -> str:
    """As few digits as tell a float32, where `float` would show those of a double."""
    return json.dumps([float(str(value)) for value in values])


def _arrow_column(values: Values) -> pa.Array:
    if values.ndim > 1:
        return pa.array(list(values))
    return pa.array(_decoded(values, "replace") if values.dtype == object else values)


def _decoded(values: np.ndarray, errors: str) -> list[str]:
    return [value.decode("utf-8", errors) for value in values]
