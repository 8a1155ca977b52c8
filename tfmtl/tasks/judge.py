"""Another prediction, judged by a task's label in the task's sample space.

auc_cvr_by_score      the AUC of the score among the rows that `cvr` is measured on
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmtl.tasks.heads import Head
from tfmtl.tasks.offered import Metric, only
from tfmtl.tasks.row_metrics import ExactAUC
from tfmtl.tasks.score import Score
from tfmtl.tasks.task import Task
from tfmtl.tasks.terms import Loss

# Which numbers of 64 bits have log-odds: from about -690 to 36.
_LEAST, _MOST = 1e-300, 1.0 - 2.0**-53


class JudgedHead:
    """What a head measures, of any prediction, which comes in place of the one logit.

    Args:
        head: The task's own.
        metrics: The metrics to measure, by name. Those of a task that predicts a probability take
            one, but for metrics of the order alone.
    """

    units = 1
    default_metrics: Sequence[str] = ()

    def __init__(self, head: Head, metrics: Sequence[str]) -> None:
        self.labels = head.labels
        self.loss: Loss = head.loss
        self.accepts = head.accepts
        takes_logits = "logloss" in head.metrics
        self.metrics = {name: _judging(name, head.metrics[name], takes_logits) for name in metrics}

    def predictions(self, task: str, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Nothing is served."""
        return {}


class Judge(Task):
    """Measures another prediction than the task's own, or measures in another space.

    Args:
        task: Whose label and sample space it takes.
        name: What its metrics are called, `<metric>_<name>`.
        prediction: The prediction.
        metrics: Parameters of each metric to measure, by its name in the config.
        is_entire: Whether the space has all rows whose label is known, whatever indicators say.
    """

    def __init__(
        self,
        task: Task,
        name: str,
        prediction: Score,
        metrics: Mapping[str, Mapping[str, Any]],
        is_entire: bool = False,
    ) -> None:
        super().__init__(
            name,
            JudgedHead(task.head, list(metrics)),
            task.space.entire() if is_entire else task.space,
            trained=False,
            metrics=metrics,
        )
        self._prediction = prediction
        self._counted_as = f"{task.counted_as}_entire" if is_entire else task.counted_as

    @property
    def counted_as(self) -> str:
        """Its rows are the task's, or all of them."""
        return self._counted_as

    @property
    def target_columns(self) -> list[str]:
        """The columns that its metrics and the prediction read."""
        return list(dict.fromkeys([*super().target_columns, *self._prediction.columns]))

    def judged(
        self, answers: Mapping[str, tf.Tensor], targets: Mapping[str, tf.Tensor]
    ) -> tf.Tensor:
        """What it measures in place of logits, `(batch, 1)`.

        Args:
            answers: What the tasks predict, as `answers_of` gives it.
            targets: Columns by name, `(batch,)` each.
        """
        return self._prediction(answers, targets)[:, tf.newaxis]


def _judging(name: str, metric: Metric, takes_logits: bool) -> Metric:
    """A metric of logits as one of the prediction itself."""
    if name == "auc":  # Its bins are of logits, and a prediction may lie anywhere.
        return metric._replace(kind=lambda name, **_: ExactAUC(name), reads=only)
    if metric.grouped_by or not takes_logits:
        return metric._replace(reads=only)
    return metric._replace(reads=lambda prediction: metric.reads(_log_odds(prediction)))


def _log_odds(probability: tf.Tensor) -> tf.Tensor:
    p = tf.clip_by_value(tf.cast(probability, tf.float64), _LEAST, _MOST)
    return tf.cast(tf.math.log(p) - tf.math.log1p(-p), tf.float32)
