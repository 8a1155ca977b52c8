"""What training makes small: the losses of the tasks, and the penalties.

total = Σ_t weight_t·loss_t + regularization
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.tasks.balancing.parts import Terms
from tfmtl.tasks.task import Task
from tfmtl.training.freezing import Frozen

Batch = tuple[Mapping[str, Any], Mapping[str, tf.Tensor]]  # Encoded features, and targets.
Losses = dict[str, tf.Tensor]


def rows_of(batch: Batch) -> int:
    """The rows of a batch, which has a target at least."""
    _, targets = batch
    return int(next(iter(targets.values())).shape[0])


class Objective:
    """The losses of a network on batches.

    Args:
        network: Maps encoded features to `{task name: logits (batch, units)}`.
        tasks: The tasks; those without a loss do not count.
        frozen: The weights that keep their values.
    """

    def __init__(self, network: keras.Model, tasks: Sequence[Task], frozen: Frozen) -> None:
        self.network = network
        self._tasks = [task for task in tasks if task.trained]
        self._frozen = frozen

    @property
    def variables(self) -> list[tf.Variable]:
        """The variables that steps change, in the network's order."""
        variables = self.network.trainable_variables
        return [variable for variable in variables if variable not in self._frozen]

    @property
    def embedding_variables(self) -> list[tf.Variable]:
        """The embedding tables: the variables that layers call their `embedding_variables`."""
        layers = [self.network, *self.network.submodules]
        return [v for layer in layers for v in getattr(layer, "embedding_variables", [])]

    def losses(
        self, logits: Mapping[str, tf.Tensor], targets: Mapping[str, tf.Tensor], training: bool
    ) -> Losses:
        """The losses of logits by task, scalars.

        Returns:
            `loss`, the total; `loss_<task>`, without the task's weight, and of a task of several
            terms `loss_<term>`, without the term's; `regularization_loss`, 0 but in training.
        """
        losses = self.task_losses(self.terms(logits, targets))
        total = regularization = self.regularization() if training else tf.constant(0.0)
        for task in self._tasks:
            total += task.weight * losses[f"loss_{task.name}"]
        return {"loss": total, **losses, "regularization_loss": regularization}

    def terms(self, logits: Mapping[str, tf.Tensor], targets: Mapping[str, tf.Tensor]) -> Terms:
        """The terms of the losses, without any weight, by task and term."""
        return {task.name: task.loss_terms(logits[task.name], targets) for task in self._tasks}

    def task_losses(self, terms: Terms) -> Losses:
        """`loss_<task>`, the sums of the terms with their weights, and `loss_<term>` of several.

        Args:
            terms: As `terms` gives them.
        """
        named = [task.named_losses(terms[task.name]) for task in self._tasks]
        return {name: value for each in named for name, value in each.items()}

    def regularization(self) -> tf.Tensor:
        """The penalties of the last call of the network."""
        return tf.add_n([tf.reduce_sum(loss) for loss in self.network.losses] or [tf.constant(0.0)])
