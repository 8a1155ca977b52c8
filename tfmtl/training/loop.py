"""The training loop: step after step, until the data ends or something says stop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import tensorflow as tf

from tfmtl.training.batches import step_function
from tfmtl.training.model import MultiTaskModel
from tfmtl.training.not_finite import explain, is_not_finite
from tfmtl.training.objective import Batch, Losses, rows_of
from tfmtl.training.state import TrainingState

_log = logging.getLogger(__name__)


class Hook(Protocol):
    """Something that happens beside the steps."""

    def after_step(self, losses: Losses) -> None:
        """Is called after each step, with its losses."""

    @property
    def wants_stop(self) -> bool:
        """Whether training should end here."""


class TrainLoop:
    """Trains a model.

    Args:
        model: The model, compiled.
        state: Where the training stands; it is moved on.
        num_steps: The last step; 0 for none.
        hooks: What happens beside, in this order.
    """

    def __init__(
        self,
        model: MultiTaskModel,
        state: TrainingState,
        num_steps: int = 0,
        hooks: Sequence[Hook] = (),
    ) -> None:
        self._model = model
        self._state = state
        self._num_steps = num_steps
        self._hooks = hooks

    def run(self, batches: Iterator[Batch], spec: Any) -> bool:
        """Trains until the last step, the end of the batches, or the wish of a hook.

        Args:
            batches: The batches, from where the training stands.
            spec: What they look like, as a dataset's `element_spec`.

        Returns:
            Whether it was the batches that ended.

        Raises:
            TrainingError: If a loss or a gradient is not finite.
        """
        train_step = step_function(self._model.train_step, spec)
        while not self._is_over():
            batch = next(batches, None)
            if batch is None:
                _log.info("The data ended after step %s.", f"{self._state.step:,}")
                return True
            losses = self._step(train_step, batch)
            self._state.step += 1
            self._state.rows += rows_of(batch)
            for hook in self._hooks:
                hook.after_step(losses)
        return False

    def _is_over(self) -> bool:
        if self._num_steps and self._state.step >= self._num_steps:
            return True
        return any(hook.wants_stop for hook in self._hooks)

    def _step(self, train_step: Callable[[Batch], Losses], batch: Batch) -> Losses:
        try:
            # Tells a profile, if there is one, where a step begins and ends.
            with tf.profiler.experimental.Trace("train", step_num=self._state.step + 1, _r=1):
                return train_step(batch)
        except tf.errors.InvalidArgumentError as error:
            if not is_not_finite(error):
                raise
            raise explain(self._model, batch, self._state.step + 1) from error
