"""How fast a config reads, encodes and trains on this machine.

    read      rows parsed into raw columns
    encode    the same, and encoded into ids and numbers
    step      train steps on batches that lie in memory
    train     training end to end: all of it at once

Each is the median speed of five stretches, after a warm-up that empties what was read ahead.
"""

from __future__ import annotations

import itertools
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

import tensorflow as tf

from tfmtl import config
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.training import build_optimizers
from tfmtl.training.batches import Batches
from tfmtl.training.build import build_model, open_training, set_threads
from tfmtl.training.loop import TrainLoop
from tfmtl.training.model import MultiTaskModel
from tfmtl.training.objective import Batch, Losses
from tfmtl.training.state import TrainingState

PARTS = ("read", "encode", "step", "train")

_STRETCHES = 5
CACHED_BATCHES = 8
_MATMUL = (4096, 272, 1024)  # Rows, inputs, outputs: a first layer of common size.


class Speedometer:
    """Measures steps until it has enough of them; a `Hook` of a training loop.

    Args:
        rows: Rows in a step.
        warm_up: Steps that do not count.
        steps: Steps to measure; 0 measures for `seconds`.
        seconds: Time to measure for.
        now: The clock, in seconds.
    """

    def __init__(
        self,
        rows: int,
        warm_up: int,
        steps: int = 0,
        seconds: float = 10.0,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.first_step: float | None = None
        self.speeds: list[float] = []
        self._rows = rows
        self._warm_up = warm_up
        self._stretch_steps = -(-steps // _STRETCHES)
        self._stretch_seconds = seconds / _STRETCHES
        self._now = now
        self._done = 0
        self._start = (0.0, 0)

    @property
    def wants_stop(self) -> bool:
        """Whether there is enough."""
        return len(self.speeds) == _STRETCHES

    @property
    def rows_per_second(self) -> float:
        """The median of the stretches."""
        return statistics.median(self.speeds)

    def after_step(self, losses: Losses | None = None) -> None:
        """Counts a step."""
        self._done += 1
        if self._done == 1:
            wait_for(losses)
            self.first_step = self._now()
        if self._done <= self._warm_up:
            wait_for(losses)
            self._start = (self._now(), self._done)
        elif self._is_stretch_over():
            wait_for(losses)
            self._end_stretch()

    def _is_stretch_over(self) -> bool:
        seconds, done = self._start
        if self._stretch_steps:
            return self._done - done >= self._stretch_steps
        return self._now() - seconds >= self._stretch_seconds

    def _end_stretch(self) -> None:
        (seconds, done), self._start = self._start, (self._now(), self._done)
        self.speeds.append((self._done - done) * self._rows / (self._start[0] - seconds))


def benchmark(
    pipeline: Pipeline,
    parts: Collection[str] = PARTS,
    steps: int = 0,
    seconds: float = 10.0,
    on_part: Callable[[str], None] = lambda part: None,
) -> dict[str, Any]:
    """Measures a config. Nothing is written.

    Args:
        pipeline: A checked config.
        parts: What to measure, of `PARTS`.
        steps: Steps to measure each for; 0 measures for `seconds`.
        seconds: Time to measure each for.
        on_part: Is told of each part before it is measured.

    Returns:
        Speeds, sizes and the machine's own speed, as JSON takes them.
    """
    set_threads(pipeline.train_config)
    run = _Run(pipeline, steps, seconds)
    speeds = {}
    # Training comes first, so that its first step is the process's first.
    for part in reversed([part for part in PARTS if part in parts]):
        on_part(part)
        speeds[part] = run.measure(part)
    embedding, dense = count_parameters(run.model)
    return {
        "architecture": config.architecture(pipeline),
        "batch_size": pipeline.data_config.batch_size,
        "rows_per_second": {part: speeds[part] for part in PARTS if part in speeds},
        "seconds_to_first_step": run.seconds_to_first_step,
        "parameters": {"embedding": embedding, "dense": dense},
        "peak_memory_bytes": _peak_memory(),
        "machine": {
            "matmul_gflops": matmul_gflops(),
            "cores": os.cpu_count(),
            "devices": [device.name for device in tf.config.list_physical_devices()],
            "tensorflow": tf.__version__,
        },
    }


def matmul_gflops(rounds: int = 30) -> float:
    """What the machine reaches in a float32 matrix product, in 10⁹ operations a second."""
    rows, inputs, outputs = _MATMUL
    a, b = tf.random.normal((rows, inputs)), tf.random.normal((inputs, outputs))
    multiply = tf.function(lambda: tf.reduce_sum(tf.matmul(a, b)[0]))
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        multiply().numpy()
        seconds.append(time.perf_counter() - start)
    return 2 * rows * inputs * outputs / statistics.median(seconds) / 1e9


class _Run:
    """A model and its data, measured in one way after the other."""

    def __init__(self, pipeline: Pipeline, steps: int, seconds: float) -> None:
        self._started = time.perf_counter()
        settings = pipeline.train_config
        columns, self.model = build_model(pipeline)
        self.model.compile(build_optimizers(settings), settings.gradient_clipping_by_norm)
        self.batches: Batches = open_training(pipeline, columns, self.model, None)
        self.seconds_to_first_step: float | None = None
        self._data = pipeline.data_config
        self._seed = settings.seed % 2**31
        self._steps = steps
        self._seconds = seconds

    def measure(self, part: str) -> float:
        """The speed of a part, in rows a second."""
        measures = {
            "read": self._read,
            "encode": self._encode,
            "step": self._step,
            "train": self._train,
        }
        return measures[part]()

    def _read(self) -> float:
        source = self.batches.source
        return self._iterate(source.dataset(self.batches.batch_size, **self._order()))

    def _encode(self) -> float:
        return self._iterate(self.batches.dataset(**self._order()))

    def _step(self) -> float:
        dataset = self.batches.dataset(**self._order())
        cached = list(dataset.take(CACHED_BATCHES))
        return self._loop(itertools.cycle(cached), dataset.element_spec, warm_up=3)

    def _train(self) -> float:
        dataset = self.batches.dataset(**self._order())
        batches = self.batches.read(dataset)
        return self._loop(batches, dataset.element_spec, self._read_ahead)

    def _order(self) -> dict[str, Any]:
        return {"shuffle": self._data.shuffle, "epochs": None, "seed": self._seed}

    @property
    def _read_ahead(self) -> int:
        """Batches that wait in memory while the first step builds its graph."""
        return self._data.prefetch_size + self._data.num_parallel_calls + 1

    def _speedometer(self, warm_up: int) -> Speedometer:
        return Speedometer(self.batches.batch_size, warm_up, self._steps, self._seconds)

    def _iterate(self, dataset: tf.data.Dataset) -> float:
        meter = self._speedometer(self._read_ahead)
        for _ in dataset:
            meter.after_step()
            if meter.wants_stop:
                break
        return self._speed(meter)

    def _loop(self, batches: Iterator[Batch], spec: Any, warm_up: int) -> float:
        meter = self._speedometer(warm_up)
        TrainLoop(self.model, TrainingState(), hooks=[meter]).run(batches, spec)
        if self.seconds_to_first_step is None and meter.first_step is not None:
            self.seconds_to_first_step = meter.first_step - self._started
        return self._speed(meter)

    def _speed(self, meter: Speedometer) -> float:
        if not meter.speeds:  # The data is read again and again, so that it cannot end.
            raise self.batches.source.no_rows_error()
        return meter.rows_per_second


def wait_for(losses: Losses | None) -> None:
    """A GPU's steps may be still under way when they return."""
    if losses:
        float(losses["loss"])


def count_parameters(model: MultiTaskModel) -> tuple[int, int]:
    """Numbers in the embedding tables, and all other numbers that are trained."""
    embedding = sum(int(variable.shape.num_elements()) for variable in model.embedding_variables())
    trained = sum(int(v.shape.num_elements()) for v in model.network.trainable_variables)
    return embedding, trained - embedding


def _peak_memory() -> int:
    """The most bytes that the process has held in memory at once."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
