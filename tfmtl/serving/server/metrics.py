"""Counts and latencies in Prometheus' text form, by the names that TensorFlow Serving gives them.

A client library of Prometheus would add `_total` to counters, which TensorFlow Serving does not.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Iterator, Sequence

_FIRST, _GROWTH, _BUCKETS = 10.0, 1.8, 33  # Microseconds.
_BOUNDS = [_FIRST * _GROWTH**power for power in range(_BUCKETS)]


class Counter:
    """Counts by labels."""

    kind = "counter"

    def __init__(self, name: str, labels: Sequence[str]) -> None:
        self.name = name
        self._labels = labels
        self._counts: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def add(self, *values: str, by: float = 1) -> None:
        """Counts something with these values of the labels."""
        with self._lock:
            self._counts[values] = self._counts.get(values, 0) + by

    def lines(self) -> Iterator[str]:
        """Its lines."""
        with self._lock:
            counts = sorted(self._counts.items())
        for values, count in counts:
            yield f"{self.name}{_labelled(self._labels, values)} {count:g}"


class Histogram:
    """Microseconds by labels, in buckets that grow."""

    kind = "histogram"

    def __init__(self, name: str, labels: Sequence[str]) -> None:
        self.name = name
        self._labels = labels
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def add(self, *values: str, seconds: float) -> None:
        """Counts something that took so long."""
        took = seconds * 1e6
        with self._lock:
            counts = self._counts.setdefault(values, [0] * (_BUCKETS + 1))
            counts[bisect.bisect_left(_BOUNDS, took)] += 1
            self._sums[values] = self._sums.get(values, 0.0) + took

    def lines(self) -> Iterator[str]:
        """Its lines."""
        with self._lock:
            found = sorted((values, list(counts)) for values, counts in self._counts.items())
            sums = dict(self._sums)
        for values, counts in found:
            so_far = 0
            for bound, count in zip([*_BOUNDS, float("inf")], counts, strict=True):
                so_far += count
                labelled = _labelled([*self._labels, "le"], [*values, _bound(bound)])
                yield f"{self.name}_bucket{labelled} {so_far}"
            labelled = _labelled(self._labels, values)
            yield f"{self.name}_sum{labelled} {sums[values]:.17g}"
            yield f"{self.name}_count{labelled} {so_far}"


class Metrics:
    """All that is counted."""

    def __init__(self) -> None:
        self.requests = Counter(":tensorflow:serving:request_count", ["model_name", "status"])
        self.examples = Counter(":tensorflow:serving:request_example_count_total", ["model"])
        self.loads = Counter(
            ":tensorflow:cc:saved_model:load_attempt_count", ["model_path", "status"]
        )
        self.request_latency = Histogram(
            ":tensorflow:serving:request_latency", ["model_name", "API", "entrypoint"]
        )
        self.runtime_latency = Histogram(
            ":tensorflow:serving:runtime_latency", ["model_name", "API", "runtime"]
        )
        self.warm_up_latency = Histogram(
            ":tensorflow:serving:model_warmup_latency", ["model_path", "status"]
        )

    def text(self) -> str:
        """What Prometheus reads."""
        lines: list[str] = []
        for metric in vars(self).values():
            lines += [f"# TYPE {metric.name} {metric.kind}", *metric.lines()]
        return "\n".join(lines) + "\n"


def _labelled(names: Sequence[str], values: Sequence[str]) -> str:
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{','.join(pairs)}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else f"{bound:.10g}"
