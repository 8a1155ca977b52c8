"""The logit of an event of a funnel: impression → click → conversion.

A step from one event to others has a logit c for each outcome, and 0 for what they leave:

    q_i = exp(c_i) / Σ_j exp(c_j)                          σ(c) for an outcome alone

    p(event) = Σ over the ways to it of Π q
    1 − p(event) = Σ over the events a before it of p(a) · Σ q of the outcomes that lead elsewhere
    logit = log p(event) − log(1 − p(event))

Both are sums of products, formed in log space, so that the logit is exact where p is near 0 and
where it is near 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

# An outcome without a logit of its own.
REST = -1


@keras.utils.register_keras_serializable("tfmtl")
class OutcomeLogit(keras.layers.Layer):
    """Maps the logits [c_1, …, c_n] of a step's outcomes to that of one of them, all (batch, 1).

        logit = c_i − log Σ_{j≠i} exp(c_j),   with 0 among the c_j

    Args:
        index: i, from 0.
    """

    def __init__(self, index: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index = index

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        own = inputs[self.index]
        return own - log_sum([*inputs[: self.index], *inputs[self.index + 1 :], tf.zeros_like(own)])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "index": self.index}


@keras.utils.register_keras_serializable("tfmtl")
class EventLogit(keras.layers.Layer):
    """Maps the logits of steps to the logit of the event that they lead to, all (batch, 1).

    Args:
        steps: The steps on the ways to the event, in an order in which none comes before one that
            leads to where it starts: `(start, towards, away)`. `towards` has `(event, input)` for
            the outcomes on the ways, `away` the inputs of the others; an input is a place in the
            layer's inputs, or `REST` for what the step's other outcomes leave. The first step
            starts at the event that is sure, and the last leads to the event that is asked for.

    Example:
    >>> # pCTCVR of ESMM: click after impression, conversion after click.
    >>> steps = [("impression", [("click", 0)], [REST]), ("click", [("buy", 1)], [REST])]
    >>> logit = EventLogit(steps)([tf.constant([[0.0]]), tf.constant([[0.0]])])
    >>> print(f"{tf.sigmoid(logit)[0, 0]:.2f}")
    0.25
    """

    def __init__(self, steps: Sequence[Sequence[Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.steps = [[start, list(towards), list(away)] for start, towards, away in steps]

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        logits = [*inputs, tf.zeros_like(inputs[0])]  # So that REST, the last, is 0.
        arrivals: dict[str, list[tf.Tensor]] = {self.steps[0][0]: [tf.zeros_like(inputs[0])]}
        misses = []
        for start, towards, away in self.steps:
            log_p = log_sum(arrivals[start])
            those = [logits[place] for _, place in towards]
            others = [logits[place] for place in away]
            for index, (event, _) in enumerate(towards):
                rest = [*those[:index], *those[index + 1 :], *others]
                arrivals.setdefault(event, []).append(log_p + log_share([those[index]], rest))
            if others:
                misses.append(log_p + log_share(others, those))
        return log_sum(arrivals[self.steps[-1][1][-1][0]]) - log_sum(misses)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "steps": self.steps}


def log_share(some: Sequence[tf.Tensor], others: Sequence[tf.Tensor]) -> tf.Tensor:
    """log(Σ exp(some) / (Σ exp(some) + Σ exp(others))), with all digits near 0 too."""
    return -tf.math.softplus(log_sum(others) - log_sum(some))


def log_sum(logs: Sequence[tf.Tensor]) -> tf.Tensor:
    """Log Σ exp."""
    return logs[0] if len(logs) == 1 else tf.reduce_logsumexp(tf.stack(logs), axis=0)
