"""How fast the training data is read and encoded, as it is and as `convert` would write it.

All take their turns at short stretches, so that a machine that gets slower slows all of them. What
was read ahead before a stretch does not count.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tfmtl import config
from tfmtl.convert import READS
from tfmtl.data import find_files
from tfmtl.features import Columns
from tfmtl.models import build_tasks
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.training import convert
from tfmtl.training.batches import Batches
from tfmtl.training.build import open_batches, set_threads

ROUNDS = 3
AS_IT_IS = "as it is"
_FORMATS: dict[str, dict[str, Any]] = {
    "Parquet": {"kind": "parquet"},
    "TFRecord": {"kind": "tfrecord"},
    "encoded Parquet": {"kind": "parquet", "encoded": True},
}


def compare_formats(
    pipeline: Pipeline,
    steps: int = 0,
    seconds: float = 10.0,
    on_format: Callable[[str], None] = lambda name: None,
) -> list[dict[str, Any]]:
    """Measures the formats side by side; they are written to a temporary folder.

    Args:
        pipeline: A checked config, whose training data is read.
        steps: Batches to measure each for; 0 measures for `seconds`.
        seconds: Time to measure each for.
        on_format: Is told of each before it is written.

    Returns:
        For each format its name, bytes a row and rows a second, as JSON takes them.
    """
    set_threads(pipeline.train_config)
    with tempfile.TemporaryDirectory(prefix="tfmtl-") as folder:
        readers = {AS_IT_IS: pipeline, **dict(_written(pipeline, Path(folder), on_format))}
        runners = {name: _Runner(each) for name, each in readers.items()}
        stretch = -(-steps // ROUNDS), seconds / ROUNDS
        speeds = [
            {name: each.rows_per_second(*stretch) for name, each in runners.items()}
            for _ in range(ROUNDS)
        ]
    return [
        {
            "format": name,
            "bytes": each.bytes,
            "rows_per_second": statistics.median(speed[name] for speed in speeds),
            "relative_speed": statistics.median(s[name] / s[AS_IT_IS] for s in speeds),
        }
        for name, each in runners.items()
    ]


def _written(
    pipeline: Pipeline, folder: Path, on_format: Callable[[str], None]
) -> Iterator[tuple[str, Pipeline]]:
    """Yields the formats, and the config that reads the training data in each."""
    for name, how in _FORMATS.items():
        on_format(name)
        path = folder / name.replace(" ", "_")
        convert(pipeline, config.train_files(pipeline), path, **how)
        reads = Pipeline()
        reads.CopyFrom(pipeline)
        reads.train_input_path = str(path)
        packing = "GZIP" if how["kind"] == "tfrecord" else ""
        reads.data_config.MergeFrom(
            DatasetConfig(input_type=READS[how["kind"]], data_compression_type=packing)
        )
        yield name, reads


class _Runner:
    """Training data in one format."""

    def __init__(self, pipeline: Pipeline) -> None:
        data = pipeline.data_config
        targets = [column for task in build_tasks(pipeline) for column in task.target_columns]
        path = config.train_files(pipeline)
        columns = Columns.from_pipeline(pipeline)
        self.bytes = sum(Path(file.path).stat().st_size for file in find_files(path))
        self._batches: Batches = open_batches(
            pipeline, columns, list(dict.fromkeys(targets)), path, data.batch_size
        )
        seed = pipeline.train_config.seed % 2**31
        self._dataset = self._batches.dataset(shuffle=data.shuffle, epochs=None, seed=seed)
        self._read_ahead = data.prefetch_size + data.num_parallel_calls + 1

    def rows_per_second(self, steps: int, seconds: float) -> float:
        """Reads some batches, or for some time, and tells how fast it went."""
        batches = self._batches.read(self._dataset)
        for _ in itertools.islice(batches, self._read_ahead):
            pass
        start, done = time.perf_counter(), 0
        while done < steps if steps else time.perf_counter() - start < seconds:
            next(batches)
            done += 1
        return done * self._batches.batch_size / (time.perf_counter() - start)
