"""How long a train step of one config takes beside that of others, in one process.

All models take their turns at short stretches of steps on batches that lie in memory, so that a
machine that gets slower slows all of them. A step time is relative to the first config's: the
median over the rounds of the quotient within a round.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfmtl.benchmarking import CACHED_BATCHES, count_parameters, wait_for
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.training import build_optimizers
from tfmtl.training.batches import step_function
from tfmtl.training.build import build_model, open_training, set_threads

ROUNDS = 9

_WARM_UP = 3  # Steps.


def compare(
    pipelines: Mapping[str, Pipeline],
    steps: int = 0,
    seconds: float = 10.0,
    on_config: Callable[[str], None] = lambda name: None,
) -> list[dict[str, Any]]:
    """Measures configs side by side. Nothing is written.

    Args:
        pipelines: Checked configs by name; the first is what the others are compared with.
        steps: Steps to measure each for; 0 measures for `seconds`.
        seconds: Time to measure each for.
        on_config: Is told of each before it is built.

    Returns:
        For each config its name, sizes and speed, as JSON takes them.
    """
    runners = []
    for name, pipeline in pipelines.items():
        on_config(name)
        runners.append(Runner(pipeline))
    stretch_steps, stretch_seconds = -(-steps // ROUNDS), seconds / ROUNDS
    times = [
        _round(runners, stretch_steps, stretch_seconds, backwards=number % 2 == 1)
        for number in range(ROUNDS)
    ]
    first, *_ = by_runner = list(zip(*times, strict=True))
    return [
        {
            "config": name,
            "parameters": runner.parameters,
            "batch_size": runner.batch_size,
            "rows_per_second": runner.batch_size / statistics.median(own),
            "relative_step_time": relative_time(own, first),
        }
        for name, runner, own in zip(pipelines, runners, by_runner, strict=True)
    ]


def relative_time(times: Sequence[float], reference: Sequence[float]) -> float:
    """The median of the quotients within each round."""
    return statistics.median(a / b for a, b in zip(times, reference, strict=True))


class Runner:
    """A model, and batches in memory to train it on."""

    def __init__(self, pipeline: Pipeline) -> None:
        settings = pipeline.train_config
        set_threads(settings)
        columns, model = build_model(pipeline)
        model.compile(build_optimizers(settings), settings.gradient_clipping_by_norm)
        batches = open_training(pipeline, columns, model, None)
        dataset = batches.dataset(shuffle=False, epochs=None)
        self.batch_size = batches.batch_size
        self._batches = itertools.cycle(list(dataset.take(CACHED_BATCHES)))
        self._step = step_function(model.train_step, dataset.element_spec)
        for _ in range(_WARM_UP):
            wait_for(self._step(next(self._batches)))
        embedding, dense = count_parameters(model)
        self.parameters = {"embedding": embedding, "dense": dense}

    def seconds_per_step(self, steps: int, seconds: float) -> float:
        """Runs some steps, or for some time, and tells how long one took."""
        start, done = time.perf_counter(), 0
        while done < steps if steps else time.perf_counter() - start < seconds:
            wait_for(self._step(next(self._batches)))
            done += 1
        return (time.perf_counter() - start) / done


def _round(runners: Sequence[Runner], steps: int, seconds: float, backwards: bool) -> list[float]:
    """The time of a step of each; every other round backwards, so that no place is the better."""
    order = runners[::-1] if backwards else runners
    times = [runner.seconds_per_step(steps, seconds) for runner in order]
    return times[::-1] if backwards else times
