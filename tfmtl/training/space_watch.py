"""How many of the rows a training sees are in each task's sample space.

The graph counts, so that no step has to wait for a number; somebody looks now and then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfmtl.tasks.space import Targets
from tfmtl.tasks.task import Task


class SpaceCounter:
    """Counts rows, and those in the sample space of each task that is trained.

    Args:
        tasks: The tasks.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = [task for task in tasks if task.trained]
        self._counts = tf.Variable(
            tf.zeros(1 + len(self.tasks), tf.int64),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )

    def add(self, targets: Targets) -> None:
        """Counts a batch.

        Args:
            targets: Columns by name, `(batch,)` each.
        """
        weights = [task.space.rows(targets)[1] for task in self.tasks]
        if weights:
            rows = tf.size(weights[0], tf.int64)
            self._counts.assign_add(tf.stack([rows, *map(tf.math.count_nonzero, weights)]))

    def read(self) -> np.ndarray:
        """Rows so far, and those in each task's space, `(1 + tasks,)`."""
        return self._counts.numpy()


class SpaceWatch:
    """Looks at a counter now and then.

    Args:
        counter: Counts.
    """

    def __init__(self, counter: SpaceCounter) -> None:
        self._counter = counter
        self._told: set[str] = set()
        self._seen = {"shares": counter.read(), "empty": counter.read()}

    def shares(self) -> Mapping[str, float]:
        """The share of rows in each task's space since it was last asked for, by task."""
        rows, *in_space = self._since("shares")
        names = [task.name for task in self._counter.tasks]
        return dict(zip(names, in_space / rows, strict=True)) if rows else {}

    def newly_empty(self) -> list[str]:
        """The tasks whose space has had no row since it was last asked for, each told once."""
        rows, *in_space = self._since("empty")
        counts = zip(self._counter.tasks, in_space, strict=True)
        empty = [task.name for task, count in counts if rows and not count]
        news = [name for name in empty if name not in self._told]
        self._told.update(news)
        return news

    def _since(self, question: str) -> np.ndarray:
        now = self._counter.read()
        since, self._seen[question] = now - self._seen[question], now
        return since
