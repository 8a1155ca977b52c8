"""From the messages of a config to Keras optimizers.

They are Keras's legacy ones: dense weights are updated by TensorFlow's fused kernels, and of an
embedding table only the rows that a batch looked up are touched, with their moments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import tf_keras as keras

from tfmtl.errors import ConfigError
from tfmtl.protos import optimizer_pb2, train_pb2
from tfmtl.training.lazy_adam import LazyAdam, LazyAdamW
from tfmtl.training.rmsprop import RMSprop
from tfmtl.training.row_sparse import EveryRow, UniqueRows
from tfmtl.training.schedules import Multiplied, build_schedule
from tfmtl.training.weight_decay import DecoupledDecay

Optimizer: TypeAlias = keras.optimizers.legacy.Optimizer


class Adagrad(UniqueRows, keras.optimizers.legacy.Adagrad):
    """θ ← θ − η·g / (√a + ε), a ← a + g²  (Duchi et al. 2011)."""


class Ftrl(UniqueRows, keras.optimizers.legacy.Ftrl):
    """Follow the regularized leader (McMahan et al. 2013)."""


class Momentum(UniqueRows, keras.optimizers.legacy.SGD):
    """m ← μ·m − η·g, θ ← θ + m."""


class MomentumW(DecoupledDecay, Momentum):
    """Momentum with decoupled weight decay."""


def _adam(config: Any) -> dict[str, Any]:
    return {"beta_1": config.beta1, "beta_2": config.beta2, "epsilon": config.epsilon}


def _adamw(config: Any) -> dict[str, Any]:
    return {**_adam(config), "weight_decay": config.weight_decay}


def _rmsprop(config: optimizer_pb2.RMSPropOptimizer) -> dict[str, Any]:
    momentum = config.momentum_optimizer_value
    return {"rho": config.decay, "momentum": momentum, "epsilon": config.epsilon}


def _momentum(config: optimizer_pb2.MomentumOptimizer) -> dict[str, Any]:
    return {"momentum": config.momentum_optimizer_value}


def _momentumw(config: optimizer_pb2.MomentumWOptimizer) -> dict[str, Any]:
    momentum = config.momentum_optimizer_value
    return {"momentum": momentum, "weight_decay": config.weight_decay}


def _adagrad(config: optimizer_pb2.AdagradOptimizer) -> dict[str, Any]:
    return {"initial_accumulator_value": config.initial_accumulator_value}


def _ftrl(config: optimizer_pb2.FtrlOptimizer) -> dict[str, Any]:
    return {
        "learning_rate_power": config.learning_rate_power,
        "initial_accumulator_value": config.initial_accumulator_value,
        "l1_regularization_strength": config.l1_reg,
        "l2_regularization_strength": config.l2_reg,
        "l2_shrinkage_regularization_strength": config.l2_shrinkage_reg,
    }


_KINDS: dict[str, tuple[type[Optimizer], Callable[[Any], dict[str, Any]]]] = {
    "adam_optimizer": (LazyAdam, _adam),
    "lazy_adam_optimizer": (LazyAdam, _adam),
    "adamw_optimizer": (LazyAdamW, _adamw),
    "adagrad_optimizer": (Adagrad, _adagrad),
    "ftrl_optimizer": (Ftrl, _ftrl),
    "sgd_optimizer": (keras.optimizers.legacy.SGD, lambda config: {}),
    "momentum_optimizer": (Momentum, _momentum),
    "momentumw_optimizer": (MomentumW, _momentumw),
    "rms_prop_optimizer": (RMSprop, _rmsprop),
}


def build_optimizers(config: train_pb2.TrainConfig) -> list[Optimizer]:
    """The optimizers of a training: one for all variables, or one for the embeddings and another.

    One whose rate differs between them, by `embedding_learning_rate_multiplier`, becomes two.

    Raises:
        ConfigError: If there is another number of them, or one is not complete.
    """
    path = "train_config.optimizer_config"
    count = len(config.optimizer_config)
    if count not in (1, 2):
        raise ConfigError(
            [
                f"`{path}` should be given once, or twice: first for the embeddings, then for all "
                f"else. Received: {count}."
            ]
        )
    first, last = config.optimizer_config[0], config.optimizer_config[-1]
    if not first.HasField("embedding_learning_rate_multiplier"):
        return [
            build_optimizer(optimizer, f"{path}[{index}]")
            for index, optimizer in enumerate(config.optimizer_config)
        ]
    factor = first.embedding_learning_rate_multiplier
    return [
        build_optimizer(first, f"{path}[0]", factor),
        build_optimizer(last, f"{path}[{count - 1}]"),
    ]


def build_optimizer(config: optimizer_pb2.Optimizer, path: str, factor: float = 1.0) -> Optimizer:
    """The optimizer that a config describes.

    Args:
        config: The message, with one of its kinds given.
        path: Where it stands in the pipeline, for errors.
        factor: Of the learning rate.

    Raises:
        ConfigError: If no kind is given, or its values do not make an optimizer.
    """
    name = config.WhichOneof("optimizer")
    if name not in _KINDS:
        known = ", ".join(f"`{each}`" for each in _KINDS)
        raise ConfigError([f"`{path}` should have one of {known}. Received: {name or 'none'}."])
    kind, arguments = _KINDS[name]
    message = getattr(config, name)
    schedule = build_schedule(message.learning_rate, f"{path}.{name}.learning_rate")
    if factor != 1.0:
        schedule = Multiplied(schedule, factor)
    if config.update_idle_rows:
        kind = _moving_every_row(kind, name, path)
    try:
        return kind(learning_rate=schedule, **arguments(message))
    except ValueError as error:
        raise ConfigError([f"`{path}.{name}`: {error}"]) from None


def _moving_every_row(kind: type[Optimizer], name: str, path: str) -> type[Optimizer]:
    if name == "lazy_adam_optimizer":
        raise ConfigError(
            [
                f"`{path}.update_idle_rows` should be false with `lazy_adam_optimizer`, which "
                "leaves idle rows alone. Received: true. Take `adam_optimizer`."
            ]
        )
    return type(f"EveryRow{kind.__name__}", (EveryRow, kind), {})
