"""Requests that are run together: their rows in one tensor, and the answers of each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tfmtl.serving.server import statuses

Feeds = Mapping[str, np.ndarray]


class Batch:
    """Requests that are run together."""

    def __init__(self) -> None:
        self.rows = 0
        self.full = threading.Event()
        self.done = threading.Event()
        self._feeds: list[Feeds] = []
        self._timeouts: list[float | None] = []
        self._ends: list[int] = []
        self._answers: list[np.ndarray] = []
        self._failure: statuses.Failure | None = None

    def add(self, feeds: Feeds, timeout: float | None, most: int) -> int:
        """Takes a request, and returns its number."""
        self._feeds.append(feeds)
        self._timeouts.append(timeout)
        self.rows += rows_of(feeds)
        self._ends.append(self.rows)
        if self.rows >= most:
            self.full.set()
        return len(self._ends) - 1

    def run(
        self,
        run: Callable[[Feeds, float | None], list[np.ndarray]],
        sizes: Sequence[int],
    ) -> None:
        """Runs all, and lets each know."""
        size = next((each for each in sizes if each >= self.rows), self.rows)
        times = [each for each in self._timeouts if each is not None]
        timeout = max(times) if len(times) == len(self._timeouts) else None
        try:
            answers = run(_merged(self._feeds, size - self.rows), timeout)
            _check_answers(answers, size)
            self._answers = answers
        except Exception as error:
            self._failure = statuses.as_failure(error)
        finally:
            self.done.set()

    def part(self, index: int) -> list[np.ndarray]:
        """The answers to a request.

        Raises:
            Failure: If the batch ended with one.
        """
        if self._failure:
            raise self._failure
        start = self._ends[index - 1] if index else 0
        return [each[start : self._ends[index]] for each in self._answers]


def rows_of(feeds: Feeds) -> int:
    """How many rows a request has.

    Raises:
        Failure: If its tensors do not agree on that.
    """
    sizes = {each.shape[:1] for each in feeds.values()}
    if () in sizes:
        raise statuses.invalid("Batching Run() input tensors must have at least one dimension")
    if len(sizes) > 1:
        raise statuses.invalid("Batching Run() input tensors must have equal 0th-dimension size")
    ((rows,),) = sizes
    return rows


def _merged(requests: Sequence[Feeds], more: int) -> Feeds:
    """The rows of all requests, and the first one as often again as a batch's size asks for."""
    merged = {}
    for name in requests[0]:
        values = [each[name] for each in requests]
        if len({value.shape[1:] for value in values}) > 1:
            raise statuses.failed_precondition(
                f"Tensors with name '{name}' from different tasks have different shapes and "
                "padding is turned off. Set pad_variable_length_inputs to true, or ensure that all "
                "tensors with the same name have equal dimensions starting with the first dim."
            )
        rows = np.concatenate(values)
        merged[name] = np.concatenate([rows, np.repeat(rows[:1], more, axis=0)])
    return merged


def _check_answers(answers: Sequence[np.ndarray], rows: int) -> None:
    for answer in answers:
        if not answer.ndim:
            raise statuses.failed_precondition("Batched output tensor has 0 dimensions")
        if len(answer) != rows:
            raise statuses.failed_precondition(
                "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension "
                "sizes of the input tensors"
            )
