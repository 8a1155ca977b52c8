"""Over which devices and processes a training is spread.

Today it is one process with one device, which is what all strategies come to there. Whoever makes
variables or runs steps does so under the strategy that `open_strategy` gives.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfmtl.config.wording import shortened, show
from tfmtl.errors import TrainingError
from tfmtl.protos import train_pb2

# What processes that train together are called in `TF_CONFIG`; an evaluator is none of them.
_JOBS = {"chief": "chief", "master": "master", "worker": "worker", "ps": "parameter server"}
_OF_SERVERS = (train_pb2.PSStrategy, train_pb2.ExascaleStrategy)

_log = logging.getLogger(__name__)


def open_strategy(
    settings: train_pb2.TrainConfig, environment: Mapping[str, str] = os.environ
) -> tf.distribute.Strategy:
    """The strategy under whose scope a training makes its variables and runs its steps.

    Args:
        settings: Say which is wanted.
        environment: Has `TF_CONFIG`, if other processes train along.

    Raises:
        TrainingError: If others do.
    """
    _check_alone(environment.get("TF_CONFIG", ""))
    if settings.train_distribute != train_pb2.NoStrategy:
        _tell(settings.train_distribute)
    return tf.distribute.get_strategy()


def _tell(strategy: train_pb2.DistributionStrategy) -> None:
    """What a strategy comes to in one process."""
    gpus = len(tf.config.list_logical_devices("GPU"))
    name = train_pb2.DistributionStrategy.Name(strategy)
    said = f"`train_config.train_distribute` is {name}:"
    if strategy in _OF_SERVERS:
        _log.info("%s one process is both worker and server; it trains as under NoStrategy.", said)
    elif gpus > 1:
        _log.warning("%s of %d GPUs the first one trains; the others are idle.", said, gpus)
    else:
        kind = "GPU" if gpus else "CPU"
        _log.info("%s one worker with one device (%s) trains as under NoStrategy.", said, kind)


def _check_alone(text: str) -> None:
    """`TF_CONFIG` names at most one process that trains.

    See https://www.tensorflow.org/guide/distributed_training#setting_up_the_tf_config_environment_variable.
    """
    jobs = _cluster(text)
    counts = [(len(jobs.get(job, ())), words) for job, words in _JOBS.items()]
    if sum(count for count, _ in counts) > 1:
        found = ", ".join(f"{n} {words}{'s' * (n > 1)}" for n, words in counts if n)
        raise TrainingError(
            "`TF_CONFIG` should name one process, because training in several is not built yet. "
            f"Received: {found}. Unset it to train in this process alone."
        )


def _cluster(text: str) -> Mapping[str, Any]:
    """The processes by job."""
    try:
        config = json.loads(text or "{}")
        cluster = config.get("cluster", {})
        return {job: list(tasks) for job, tasks in cluster.items()}
    except (ValueError, AttributeError, TypeError):
        rule = '`TF_CONFIG` should be JSON such as {"cluster": {"worker": ["host:port"]}}.'
        raise TrainingError(f"{rule} Received: {show(shortened(text))}.") from None
