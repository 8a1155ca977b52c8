"""Metrics by the values of columns: `eval_config.slice_by`.

Rows are kept until the evaluation ends. Then each value's rows go to fresh metrics, so that
whatever a task measures can be told of a slice, and nothing but this file knows of slices.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfmtl import config
from tfmtl.config.table import table_lines
from tfmtl.protos import pipeline_pb2
from tfmtl.tasks.held_rows import HeldRows, group_ids
from tfmtl.tasks.task import Task
from tfmtl.training.reliability import Bins, bins_of

# Results by slice, value and name.
Sliced = dict[str, dict[str, dict[str, float | None]]]
# Bins of reliability tables by slice, value and task.
SlicedBins = dict[str, dict[str, dict[str, Bins]]]

OTHER = "other"

_log = logging.getLogger(__name__)


class Slice(NamedTuple):
    """What rows are told apart by.

    Args:
        name: As the config has it.
        columns: One raw column or several, whose values are told together.
    """

    name: str
    columns: Sequence[str]


class Slices:
    """Measures tasks by the values of columns.

    It keeps 4 bytes a row and task for each slice, and 8 for label and weight, 4 for each logit
    and 8 for each column that metrics make groups by.

    Args:
        tasks: What to measure; those without a metric are left out.
        slices: What to tell rows apart by.
        max_values: Values told apart of each slice, the most frequent ones.
        bins: Bins of the reliability table of each value and binary task; 0 for no tables.
    """

    def __init__(
        self, tasks: Sequence[Task], slices: Sequence[Slice], max_values: int, bins: int = 0
    ) -> None:
        self._values = [_Values(each, max_values) for each in slices]
        sliced = [_SlicedTask(task, len(slices), bins) for task in tasks]
        self._tasks = [each for each in sliced if each.measures_something]

    def update(self, logits: Mapping[str, tf.Tensor], targets: Mapping[str, tf.Tensor]) -> None:
        """Adds a batch.

        Args:
            logits: `(batch, units)` by task.
            targets: Columns by name, `(batch,)` each.
        """
        codes = [values.codes(targets) for values in self._values]
        for sliced in self._tasks:
            sliced.update(codes, logits[sliced.task.name], targets)

    def reset(self) -> None:
        """Forgets all rows."""
        for values in self._values:
            values.reset()
        for sliced in self._tasks:
            sliced.reset()

    def results(self) -> tuple[Sliced, SlicedBins]:
        """For each slice and value, the tasks' rows and metrics, and their reliability tables.

        A metric without a value is None; tasks without rows have no table. The most frequent values
        come first; all but `max_values` are told together, as `other`.
        """
        results: Sliced = {}
        tables: SlicedBins = {}
        for index, values in enumerate(self._values):
            names, slots = values.told_apart()
            told: dict[str, dict[str, float | None]] = {name: {} for name in names}
            bins: dict[str, dict[str, Bins]] = {name: {} for name in names}
            results[values.name], tables[values.name] = told, bins
            for sliced in self._tasks:
                measured = sliced.results(index, slots, len(names))
                for name, (its, table) in zip(names, measured, strict=True):
                    told[name].update(its)
                    bins[name].update({sliced.task.name: table} if table else {})
        return results, {by: bins for by, bins in tables.items() if any(bins.values())}


class _Values:
    """The values of a slice and their numbers, in the order of their first row."""

    def __init__(self, by: Slice, max_values: int) -> None:
        self.name = by.name
        self._columns = by.columns
        self._max_values = max_values
        self._lock = threading.Lock()  # Replicas count at the same time.
        self.reset()

    def reset(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._counts: list[int] = []

    def codes(self, targets: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The number of each row's value, `(batch,)` int32; counts the rows."""
        text = tf.strings.join([_as_text(targets[each]) for each in self._columns], "*")
        values, places, counts = tf.unique_with_counts(text)
        numbers = tf.numpy_function(self._number, [values, counts], tf.int32)
        return tf.gather(tf.ensure_shape(numbers, [None]), places)

    def _number(self, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
        with self._lock:
            numbers = [self._numbers.setdefault(value, len(self._numbers)) for value in values]
            self._counts += [0] * (len(self._numbers) - len(self._counts))
            for number, count in zip(numbers, counts, strict=True):
                self._counts[number] += int(count)
        return np.array(numbers, np.int32)

    def told_apart(self) -> tuple[list[str], np.ndarray]:
        """The names of the values told apart, and for each value's number its place among them."""
        by_count = np.argsort(-np.array(self._counts, np.int64), kind="stable")
        texts = [value.decode("utf-8", "replace") for value in self._numbers]
        names = [texts[number] for number in by_count[: self._max_values]]
        slots = np.full(len(texts), len(names), np.int64)
        slots[by_count[: self._max_values]] = np.arange(len(names))
        if len(texts) > len(names):
            _log.info(
                "Slices by `%s`: the %d most frequent of %s values are told apart, the others as "
                "`%s`.",
                self.name,
                len(names),
                f"{len(texts):,}",
                other := _unlike(names, OTHER),
            )
            names.append(other)
        return names, slots


class _SlicedTask:
    """The rows of a task, with the numbers of their values in each slice."""

    def __init__(self, task: Task, slices: int, bins: int) -> None:
        self.task = task
        self._metrics = task.new_metrics()
        self._table = task.new_reliability(bins)
        self._groups = task.group_columns
        keys = [tf.int32] * slices + [tf.int64] * len(self._groups)
        self._rows = HeldRows(*keys, tf.float32, tf.float32, tf.float32)

    @property
    def measures_something(self) -> bool:
        return bool(self._metrics) or self._table is not None

    def reset(self) -> None:
        self._rows.clear()

    def update(
        self, codes: Sequence[tf.Tensor], logits: tf.Tensor, targets: Mapping[str, tf.Tensor]
    ) -> None:
        label, weight = self.task.space.rows(targets)
        groups = [group_ids(targets[column]) for column in self._groups]
        self._rows.add(*codes, *groups, label, logits, weight)

    def results(self, index: int, slots: np.ndarray, count: int) -> Iterator[tuple[dict, Bins]]:
        """Yields rows and metrics, and the table, of each of `count` places of a slice."""
        *keys, label, logits, weight = self._rows.columns()
        groups = keys[len(keys) - len(self._groups) :]
        place = slots[keys[index]]
        order = np.argsort(place, kind="stable")
        ends = np.searchsorted(place[order], np.arange(count + 1))
        for start, end in zip(ends[:-1], ends[1:], strict=True):
            rows = order[start:end]
            by_name = dict(zip(self._groups, (each[rows] for each in groups), strict=True))
            yield self._measured(label[rows], logits[rows], weight[rows], by_name)

    def _measured(
        self,
        label: np.ndarray,
        logits: np.ndarray,
        weight: np.ndarray,
        groups: Mapping[str, np.ndarray],
    ) -> tuple[dict, Bins]:
        """The number of some rows and their metrics, and their table."""
        for each in [*self._metrics, *([self._table] if self._table else [])]:
            each.reset_state()
        if label.size:
            answers = tf.constant(logits)
            self.task.measure(self._metrics, label, answers, weight, groups)
            if self._table:
                self.task.update_reliability(self._table, label, answers, weight)
        values = {metric.name: float(metric.result()) for metric in self._metrics}
        found = {k: v if label.size and math.isfinite(v) else None for k, v in values.items()}
        counted = {f"rows_{self.task.counted_as}": len(label)} if found else {}
        return {**counted, **found}, bins_of(self._table) if self._table else []


def build_slices(pipeline: pipeline_pb2.Pipeline, tasks: Sequence[Task]) -> Slices | None:
    """The slices of `eval_config.slice_by`; None if there are none."""
    settings = pipeline.eval_config
    slices = [Slice(by, config.slice_columns(by, pipeline)) for by in settings.slice_by]
    if not slices:
        return None
    return Slices(tasks, slices, settings.max_slice_values, settings.reliability_bins)


def slices_table(sliced: Sliced) -> str:
    """The slices as people read them: a table for each, a line for each value."""
    return "\n".join(
        line for by, values in sliced.items() for line in (f"slices by {by}", *_lines(values))
    )


def _lines(values: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    names = list(next(iter(values.values()), {}))
    rows = [["value", *names]]
    rows += [[value or '""', *map(_shown, its.values())] for value, its in values.items()]
    yield from table_lines(rows)


def _shown(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _as_text(column: tf.Tensor) -> tf.Tensor:
    if column.dtype == tf.string:
        return column
    return tf.strings.as_string(column, shortest=column.dtype.is_floating)


def _unlike(names: Sequence[str], name: str) -> str:
    """The name, in as many parentheses as it takes to be another than those."""
    return _unlike(names, f"({name})") if name in names else name
