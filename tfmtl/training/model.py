"""The model in training: a network that gives logits, the tasks that judge them, the optimizers.

What is made small is the `objective.py`, or what the tasks are balanced to (`gradients.py`).
Clipping shortens all gradients together: g ← g·min(1, c / ‖g‖), ‖g‖ over all variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs
import tf_keras as keras

from tfmtl.tasks.balancing import Plan, fixed_plan
from tfmtl.tasks.judge import Judge
from tfmtl.tasks.row_metrics import RowMetric
from tfmtl.tasks.score import answers_of
from tfmtl.tasks.task import Task
from tfmtl.training.freezing import Frozen
from tfmtl.training.gradients import build_gradients
from tfmtl.training.histograms import Histograms
from tfmtl.training.meter import TaskMeter
from tfmtl.training.objective import Batch, Losses, Objective
from tfmtl.training.online import OnlineMetrics
from tfmtl.training.pieces import weights_of
from tfmtl.training.row_sparse import merge_duplicates
from tfmtl.training.space_watch import SpaceCounter


class MultiTaskModel(tfrs.Model):
    """Trains a network on several tasks at once.

    Batches are pairs of encoded features and targets. `fit` and `evaluate` work as for any Keras
    model.

    Args:
        network: Maps encoded features to `{task name: logits (batch, units)}`.
        tasks: The tasks; one or more of them have a loss.
        plan: How their losses are balanced; by default by their weights.
        judges: Measure other predictions in evaluations.
        reliability_bins: Bins of the reliability table that evaluations make of each binary task;
            0 for no table.
        measures_training: Whether the batches it learns from are measured, too.
        frozen: Regular expressions; weights whose names one of them finds something in keep their
            values.

    Example:
    >>> model = MultiTaskModel(network, tasks)
    >>> model.compile([LazyAdam(0.01), Adagrad(0.1)])  # For embeddings, for all else.
    >>> model.fit(batches, epochs=1)
    """

    def __init__(
        self,
        network: keras.Model,
        tasks: Sequence[Task],
        plan: Plan | None = None,
        judges: Sequence[Judge] = (),
        reliability_bins: int = 0,
        measures_training: bool = False,
        frozen: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.network = network
        # Trained, saved and restored as the network's own.
        network.learned_by_losses = [variable for task in tasks for variable in task.variables]
        self.judges = tuple(judges)
        self._tasks = tuple(tasks)
        self.meters = tuple(TaskMeter(each, reliability_bins) for each in self.measured)
        self.online = OnlineMetrics(self.measured) if measures_training else None
        self.spaces = SpaceCounter(tasks)
        self.gradient_clipping_by_norm = 0.0
        self.frozen = Frozen(network, frozen)
        self.histograms: Histograms | None = None
        self.plan = plan or fixed_plan(tasks)
        self.objective = Objective(network, tasks, self.frozen)
        self._backward = build_gradients(self.objective, self.plan)

    @property
    def tasks(self) -> list[Task]:
        """The tasks, in the config's order."""
        return list(self._tasks)

    @property
    def measured(self) -> list[Task]:
        """The tasks, and what judges other predictions by their labels."""
        return [*self.tasks, *self.judges]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What an evaluation measures of all tasks; Keras starts them anew for each."""
        return [metric for meter in self.meters for metric in meter.metrics]

    def compile(
        self,
        optimizer: keras.optimizers.legacy.Optimizer | Sequence[keras.optimizers.legacy.Optimizer],
        gradient_clipping_by_norm: float = 0.0,
        **kwargs: Any,
    ) -> None:
        """Says how to train.

        Args:
            optimizer: One for all variables, or two: for the embeddings, and for all else.
            gradient_clipping_by_norm: The longest that all gradients together may be; 0 for any.
            **kwargs: As for `keras.Model.compile`.
        """
        super().compile(optimizer=optimizer, **kwargs)
        self.frozen.check_optimizers(self.optimized())
        self.gradient_clipping_by_norm = gradient_clipping_by_norm

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> dict[str, tf.Tensor]:
        return self.network(inputs, training=training)

    def compute_loss(self, inputs: Batch, training: bool = False) -> tf.Tensor:
        """The total loss of a batch; regularization is part of it only in training."""
        return self.batch_losses(inputs, training)["loss"]

    def batch_losses(self, batch: Batch, training: bool) -> Losses:
        """The losses of a batch, scalars, as `Objective.losses` names them."""
        encoded, targets = batch
        return self.objective.losses(self.network(encoded, training=training), targets, training)

    @tf.autograph.experimental.do_not_convert  # There is nothing to, and it takes seconds.
    def train_step(self, data: Batch) -> Losses:
        """Makes one step.

        A loss or a gradient that is not finite is an error, and changes no variable.

        Returns:
            The losses before the step, as `Objective.losses` names them, `gradient_norm`, and
            unless weights are fixed `weight_<task>`, the factor of its loss in `loss`.
        """
        losses, gradients, learn, logits = self._backward(self.objective, data)
        measured = self._all_logits(logits, data) if self.online is not None else {}
        variables = self.trained_variables
        gradients = [merge_duplicates(gradient) for gradient in gradients]
        gradients = [self.frozen.without(g, v) for g, v in zip(gradients, variables, strict=True)]
        losses["gradient_norm"] = tf.linalg.global_norm(gradients)
        with tf.control_dependencies(_finite(losses)):
            if self.gradient_clipping_by_norm > 0:
                gradients, _ = tf.clip_by_global_norm(
                    gradients, self.gradient_clipping_by_norm, use_norm=losses["gradient_norm"]
                )
            self._apply(gradients, variables)
            learn()
            if self.online is not None:
                self.online.update(measured, data[1])
            if self.histograms:
                self.histograms.count(gradients)
        self.spaces.add(data[1])
        return losses

    def _all_logits(self, logits: Mapping[str, tf.Tensor], batch: Batch) -> Mapping[str, tf.Tensor]:
        """The logits of a step; where some tasks' are not among them, those of another pass."""
        encoded, targets = batch
        if any(task.name not in logits for task in self.tasks):
            logits = {**self.network(encoded, training=False), **logits}
        return self._with_judged(logits, targets)

    @tf.autograph.experimental.do_not_convert
    def test_step(self, data: Batch) -> dict[str, tf.Tensor]:
        """Adds a batch to the evaluation, and tells what it measures so far.

        Metrics that sort all rows are told by `evaluate`, once.
        """
        self.measure(data)
        results = {m.name: m.result() for m in self.metrics if not isinstance(m, RowMetric)}
        total = tf.add_n([m.task.weight * m.loss.result() for m in self.meters if m.task.trained])
        return {"loss": total, **results}

    def evaluate(self, *args: Any, return_dict: bool = False, **kwargs: Any) -> Any:
        """Evaluates as any Keras model does, metrics that sort all rows included."""
        results = super().evaluate(*args, return_dict=True, **kwargs)
        rest = [metric for metric in self.metrics if isinstance(metric, RowMetric)]
        results |= {metric.name: float(metric.result()) for metric in rest}
        if return_dict:
            return results
        return [results[name] for name in (*(m.name for m in self.metrics), "loss")]

    def measure(self, batch: Batch) -> Losses:
        """Adds a batch to the evaluation.

        Returns:
            `loss_<task>` of this batch.
        """
        return self.measure_logits(self.measured_logits(batch), batch[1])

    def measured_logits(self, batch: Batch) -> Mapping[str, tf.Tensor]:
        """Logits by task, `(batch, units)`, and what judges measure in their place."""
        encoded, targets = batch
        return self._with_judged(self.network(encoded, training=False), targets)

    def _with_judged(
        self, logits: Mapping[str, tf.Tensor], targets: Mapping[str, tf.Tensor]
    ) -> Mapping[str, tf.Tensor]:
        if not self.judges:
            return logits
        answers = answers_of(self.tasks, logits)
        return {**logits, **{each.name: each.judged(answers, targets) for each in self.judges}}

    def measure_logits(
        self, logits: Mapping[str, tf.Tensor], targets: Mapping[str, tf.Tensor]
    ) -> Losses:
        """Adds a batch to the evaluation, of which the network has answered already.

        Args:
            logits: As `measured_logits` gives them.
            targets: Columns by name, `(batch,)` each.

        Returns:
            `loss_<task>` of this batch.
        """
        losses = {m.task.name: m.update(logits[m.task.name], targets) for m in self.meters}
        return {f"loss_{task}": loss for task, loss in losses.items() if loss is not None}

    def optimized(self) -> list[tuple[keras.optimizers.legacy.Optimizer, list[tf.Variable]]]:
        """Each optimizer with its variables."""
        optimizers = tf.nest.flatten(self.optimizer)
        variables = self.trained_variables
        if len(optimizers) == 1:
            return [(optimizers[0], variables)]
        embeddings = {variable.ref() for variable in self.embedding_variables()}
        return [
            (optimizers[0], [v for v in variables if v.ref() in embeddings]),
            (optimizers[1], [v for v in variables if v.ref() not in embeddings]),
        ]

    @property
    def trained_variables(self) -> list[tf.Variable]:
        """The variables that steps change, in the network's order."""
        return self.objective.variables

    def embedding_variables(self) -> list[tf.Variable]:
        """The embedding tables."""
        return self.objective.embedding_variables

    def keep_histograms(self) -> None:
        """Lets steps count their gradients, where `histograms` is asked to."""
        names = {variable.ref(): name for name, variable in weights_of(self.network).items()}
        variables = self.trained_variables
        self.histograms = Histograms([names[each.ref()] for each in variables], variables)

    def create_slots(self) -> None:
        """Creates the optimizers' own variables, which otherwise the first step does."""
        for optimizer, variables in self.optimized():
            optimizer._create_all_weights(variables)

    def _apply(self, gradients: Iterable[Any], variables: Iterable[tf.Variable]) -> None:
        by_variable = {v.ref(): g for g, v in zip(gradients, variables, strict=True)}
        for optimizer, its_variables in self.optimized():
            pairs = [(by_variable[v.ref()], v) for v in its_variables]
            optimizer.apply_gradients([(g, v) for g, v in pairs if g is not None])


def learning_rates(model: MultiTaskModel) -> dict[str, float]:
    """The rate of the next step: `learning_rate`, and with two optimizers the embeddings' own.

    With two, `learning_rate` is that of all but the embeddings.
    """
    rates = [float(optimizer._decayed_lr(tf.float32)) for optimizer, _ in model.optimized()]
    names = ["learning_rate_embeddings", "learning_rate"][-len(rates) :]
    return dict(zip(names, rates, strict=True))


def _finite(scalars: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
    """Checks to wait for. Their errors name the scalar."""
    return [tf.debugging.check_numerics(value, name) for name, value in scalars.items()]
