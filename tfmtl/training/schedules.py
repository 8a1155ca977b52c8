"""Learning-rate schedules: the rate of each step, counted from 0.

A schedule's fields are those of its message in `protos/optimizer.proto`, which says the defaults.
Rates and steps are float32, as in the optimizers' kernels: steps are exact up to 16 million.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import tensorflow as tf
import tf_keras as keras
from google.protobuf.message import Message

from tfmtl.errors import ConfigError
from tfmtl.protos import optimizer_pb2


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate as a function of the step; subclasses are dataclasses."""

    def get_config(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@keras.utils.register_keras_serializable("tfmtl")
@dataclasses.dataclass(frozen=True)
class Constant(Schedule):
    """rate(s) = learning_rate."""

    learning_rate: float

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        del step
        return tf.constant(self.learning_rate, tf.float32)


@keras.utils.register_keras_serializable("tfmtl")
class Multiplied(Schedule):
    """rate(s) = factor·schedule(s).

    Args:
        schedule: Another schedule.
        factor: The factor.
    """

    def __init__(self, schedule: Schedule, factor: float) -> None:
        self.schedule = schedule
        self.factor = factor

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return self.factor * self.schedule(step)

    def get_config(self) -> dict[str, Any]:
        schedule = keras.optimizers.schedules.serialize(self.schedule)
        return {"schedule": schedule, "factor": self.factor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Multiplied:
        schedule = keras.optimizers.schedules.deserialize(config["schedule"])
        return cls(schedule, config["factor"])


@keras.utils.register_keras_serializable("tfmtl")
@dataclasses.dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """rate(s) = max(min, base·factor^((s − burnin) / decay_steps)), after a linear burn-in.

    The exponent is rounded down if `staircase`. During the burn-in the rate rises in a line from
    `burnin_learning_rate` to the base; where that is 0, it is the base itself.
    """

    initial_learning_rate: float
    decay_steps: int
    decay_factor: float
    staircase: bool
    burnin_learning_rate: float
    burnin_steps: int
    min_learning_rate: float

    def __post_init__(self) -> None:
        _check_at_least("decay_steps", self.decay_steps, 1)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        periods = (step - self.burnin_steps) / self.decay_steps
        if self.staircase:
            periods = tf.floor(periods)
        decayed = self.initial_learning_rate * tf.pow(self.decay_factor, periods)
        rate = tf.where(step < self.burnin_steps, self._burnin(step), decayed)
        return tf.maximum(rate, self.min_learning_rate)

    def _burnin(self, step: tf.Tensor) -> tf.Tensor:
        first = self.burnin_learning_rate or self.initial_learning_rate
        return first + _slope(first, self.initial_learning_rate, self.burnin_steps) * step


@keras.utils.register_keras_serializable("tfmtl")
@dataclasses.dataclass(frozen=True)
class ManualSteps(Schedule):
    """rate(s) = rates[i] from steps[i] on, and the initial rate before steps[0].

    With `warmup` the rate rises in a line from the initial one at step 0 to rates[0] at steps[0].
    """

    initial_learning_rate: float
    steps: tuple[int, ...]
    rates: tuple[float, ...]
    warmup: bool

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("`schedule` should have at least one step. Received: none.")
        if sorted({0, *self.steps}) != [0, *self.steps]:
            raise ValueError(
                "The steps of `schedule` should be above 0, each above the one before. "
                f"Received: {list(self.steps)}."
            )

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        reached = tf.reduce_sum(tf.cast(step >= tf.constant(self.steps, tf.float32), tf.int32))
        rate = tf.gather(tf.constant([self.initial_learning_rate, *self.rates]), reached)
        if not self.warmup:
            return rate
        slope = _slope(self.initial_learning_rate, self.rates[0], self.steps[0])
        return tf.where(reached == 0, self.initial_learning_rate + slope * step, rate)


@keras.utils.register_keras_serializable("tfmtl")
@dataclasses.dataclass(frozen=True)
class CosineDecay(Schedule):
    """A linear warm-up to the base, a hold, then half a cosine down to 0 at `total_steps`.

    rate(s) = base·(1 + cos(π·(s − warmup − hold) / (total − warmup − hold))) / 2
    """

    learning_rate_base: float
    total_steps: int
    warmup_learning_rate: float
    warmup_steps: int
    hold_base_rate_steps: int

    def __post_init__(self) -> None:
        if self.warmup_steps and self.warmup_learning_rate > self.learning_rate_base:
            raise ValueError(
                f"`warmup_learning_rate` should not be above `learning_rate_base`, "
                f"{self.learning_rate_base:g}. Received: {self.warmup_learning_rate:g}."
            )
        before = self.warmup_steps + self.hold_base_rate_steps
        if self.total_steps <= before:
            raise ValueError(
                "`total_steps` should be above `warmup_steps` and `hold_base_rate_steps` together, "
                f"{before}. Received: {self.total_steps}."
            )

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        before = self.warmup_steps + self.hold_base_rate_steps
        done = tf.clip_by_value((step - before) / (self.total_steps - before), 0.0, 1.0)
        falling = self.learning_rate_base * (1 + tf.cos(math.pi * done)) / 2
        slope = _slope(self.warmup_learning_rate, self.learning_rate_base, self.warmup_steps)
        rising = self.warmup_learning_rate + slope * step
        return tf.where(step < self.warmup_steps, rising, falling)


@keras.utils.register_keras_serializable("tfmtl")
@dataclasses.dataclass(frozen=True)
class PolynomialDecay(Schedule):
    """rate(s) = (base − end)·(1 − s / total_steps)^power + end, and `end` from then on."""

    learning_rate_base: float
    total_steps: int
    power: float
    end_learning_rate: float

    def __post_init__(self) -> None:
        _check_at_least("total_steps", self.total_steps, 1)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        left = 1 - tf.minimum(tf.cast(step, tf.float32) / self.total_steps, 1.0)
        span = self.learning_rate_base - self.end_learning_rate
        return span * tf.pow(left, self.power) + self.end_learning_rate


@keras.utils.register_keras_serializable("tfmtl")
@dataclasses.dataclass(frozen=True)
class TransformerDecay(Schedule):
    """rate(s) = base·hidden_size^-½·min((s + 1)·w^-1.5, (s + 1)^-½).

    s and w are the step and the warm-up steps, both times `step_scaling_rate`.
    Vaswani et al. 2017, "Attention Is All You Need" (arXiv:1706.03762), section 5.3.
    """

    learning_rate_base: float
    hidden_size: int
    warmup_steps: int
    step_scaling_rate: float

    def __post_init__(self) -> None:
        _check_at_least("hidden_size", self.hidden_size, 1)
        _check_at_least("warmup_steps", self.warmup_steps, 1)
        if self.step_scaling_rate <= 0:
            raise ValueError(
                f"`step_scaling_rate` should be above 0. Received: {self.step_scaling_rate:g}."
            )

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32) * self.step_scaling_rate + 1
        warmup = self.warmup_steps * self.step_scaling_rate
        peak = self.learning_rate_base * self.hidden_size**-0.5
        return peak * tf.minimum(step * warmup**-1.5, tf.math.rsqrt(step))


_KINDS: dict[str, type[Schedule]] = {
    "constant_learning_rate": Constant,
    "exponential_decay_learning_rate": ExponentialDecay,
    "manual_step_learning_rate": ManualSteps,
    "cosine_decay_learning_rate": CosineDecay,
    "poly_decay_learning_rate": PolynomialDecay,
    "transformer_learning_rate": TransformerDecay,
}


def build_schedule(config: optimizer_pb2.LearningRate, path: str) -> Schedule:
    """The schedule that a config describes.

    Args:
        config: The message, with one of its kinds given.
        path: Where it stands in the pipeline, for errors.

    Raises:
        ConfigError: If no kind is given, or its values do not make a schedule.
    """
    kind = config.WhichOneof("learning_rate")
    if kind is None:
        known = ", ".join(f"`{name}`" for name in _KINDS)
        raise ConfigError([f"`{path}` should have one of {known}. Received: none."])
    try:
        return _KINDS[kind](**_arguments(getattr(config, kind)))
    except ValueError as error:
        raise ConfigError([f"`{path}.{kind}`: {error}"]) from None


def _arguments(config: Message) -> dict[str, Any]:
    names = [field.name for field in config.DESCRIPTOR.fields]
    arguments = {name: getattr(config, name) for name in names}
    if "schedule" in arguments:
        schedule = arguments.pop("schedule")
        arguments["steps"] = tuple(entry.step for entry in schedule)
        arguments["rates"] = tuple(entry.learning_rate for entry in schedule)
    return arguments


def _slope(first: float, last: float, steps: int) -> float:
    return (last - first) / steps if steps else 0.0


def _check_at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"`{name}` should be at least {least}. Received: {value}.")
