"""What to tell when a loss or a gradient is not finite: the step, the task, the likely cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfmtl.errors import TrainingError
from tfmtl.training.model import MultiTaskModel, learning_rates
from tfmtl.training.objective import Batch


def is_not_finite(error: tf.errors.InvalidArgumentError) -> bool:
    """Whether an error is that of the model's own check."""
    return "Tensor had " in str(error)  # The words of `tf.debugging.check_numerics`.


def explain(model: MultiTaskModel, batch: Batch, step: int) -> TrainingError:
    """Looks for what made a step fail.

    Args:
        model: As it was before the step.
        batch: The batch of the step.
        step: Its number.
    """
    encoded, targets = batch
    causes = [
        *filter(None, (task.label_error(targets) for task in model.tasks)),
        *_bad_inputs(encoded),
        *_bad_targets(targets),
        *_bad_weights(model),
    ]
    return TrainingError(
        f"Losses and gradients should be finite. Received at step {step}: {_found(model, batch)}.\n"
        f"Likely cause: {' '.join(causes) or _too_fast(model)}\n"
        "Checkpoints saved before are not affected."
    )


def _found(model: MultiTaskModel, batch: Batch) -> str:
    with tf.GradientTape() as tape:
        losses = model.batch_losses(batch, training=True)
    broken = [name for name, loss in losses.items() if not np.isfinite(loss)]
    of_tasks = [name for name in broken if name.startswith("loss_")]
    if broken:
        return ", ".join(f"`{name}` is {float(losses[name])}" for name in of_tasks or broken)
    variables = model.trained_variables
    gradients = zip(tape.gradient(losses["loss"], variables), variables, strict=True)
    names = [f"`{v.name.removesuffix(':0')}`" for g, v in gradients if not _is_finite(g)]
    return f"the gradient of {', '.join(names[:3])}" if names else "the gradients' norm"


def _bad_inputs(encoded: Mapping[str, Any]) -> Iterator[str]:
    for name, value in encoded.items():
        values = value.flat_values if isinstance(value, tf.RaggedTensor) else value
        if values.dtype.is_floating:
            count = np.sum(~np.isfinite(values))
            if count:
                yield f"Feature `{name}` has {count} values in this batch that are not finite."


def _bad_targets(targets: Mapping[str, tf.Tensor]) -> Iterator[str]:
    for name, value in targets.items():
        if value.dtype.is_floating and np.isinf(value).any():
            yield f"Column `{name}` has {np.sum(np.isinf(value))} infinite values in this batch."


def _bad_weights(model: MultiTaskModel) -> Iterator[str]:
    # Not those of batch normalization: their averages have seen this step.
    weights = model.network.trainable_variables
    broken = [v.name.removesuffix(":0") for v in weights if not _is_finite(v)]
    if broken:
        yield f"Weights were not finite before this step, the first of them `{broken[0]}`."


def _too_fast(model: MultiTaskModel) -> str:
    rate = learning_rates(model)["learning_rate"]
    return (
        f"Steps are too large: the learning rate is {rate:g} here. Lower it, or set "
        "`train_config.gradient_clipping_by_norm` (to 10, say); very large values of raw features "
        "or labels do it, too."
    )


def _is_finite(values: Any) -> bool:
    if values is None:
        return True
    if isinstance(values, tf.IndexedSlices):
        values = values.values
    return bool(tf.reduce_all(tf.math.is_finite(values)))
