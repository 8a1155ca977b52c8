"""Architectures: one file each, named by its field in `model_config`'s oneof `model`.

Such a file has a function

    logits(config, groups) -> {task: KerasTensor (batch, units)}

where `config` is the architecture's message and `groups` the feature groups; and, only if its tasks
are other than one for each task tower, a function

    tasks(pipeline) -> list of Task

A `funnel` in the config makes steps of an architecture's towers (`_funnel.py`); a `backbone` stands
for the group `all` (`_backbone.py`).

That is all: a new field of the oneof and a new file are a new architecture.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable
from types import ModuleType

import tensorflow as tf
import tf_keras as keras

from tfmtl import config
from tfmtl.config.backbone.wiring import Value
from tfmtl.config.funnels import funnel_of
from tfmtl.errors import ConfigError
from tfmtl.features import Columns, build_groups, build_inputs, build_wide
from tfmtl.models._backbone import build_backbone
from tfmtl.models._funnel import funnel_logits, funnel_tasks
from tfmtl.models._groups import Groups
from tfmtl.protos import pipeline_pb2
from tfmtl.tasks import Task, build_task

__all__ = ["build_network", "build_tasks"]

# Keras's words.
_TWICE = re.compile(r'The name "(.*)" is used \d+ times in the model')


def build_network(pipeline: pipeline_pb2.Pipeline, columns: Columns) -> keras.Model:
    """Builds the graph from encoded features to the logits of every task.

    Args:
        pipeline: A checked config.
        columns: Its columns.

    Returns:
        A functional model. Inputs: the encoded features by name. Outputs: `(batch, units)` logits
        by task.
    """
    name = config.architecture(pipeline)
    message = getattr(pipeline.model_config, name)
    inputs = build_inputs(columns)
    groups = Groups(
        functools.partial(build_groups, pipeline, columns, inputs),
        functools.partial(build_wide, pipeline, columns, inputs),
        {
            group.group_name: len(config.group_features(group))
            for group in pipeline.model_config.feature_groups
        },
        _backbone(pipeline, message.l2_regularization),
    )
    # Keras would have autograph look for loops to convert, for a second, and there are none.
    logits = tf.autograph.experimental.do_not_convert(_module(name).logits)(message, groups)
    funnel = funnel_of(pipeline)
    if funnel is not None:
        logits = funnel_logits(funnel, logits)
    return _network(inputs, logits, name)


def build_tasks(pipeline: pipeline_pb2.Pipeline) -> list[Task]:
    """Builds the tasks, one for each output of the network and in the same order.

    Args:
        pipeline: A checked config.
    """
    module = _module(config.architecture(pipeline))
    if hasattr(module, "tasks"):
        return module.tasks(pipeline)
    towers, funnel = config.towers(pipeline), funnel_of(pipeline)
    if funnel is not None:
        return funnel_tasks(funnel, towers, pipeline)
    return [build_task(tower, pipeline) for tower in towers]


def _backbone(pipeline: pipeline_pb2.Pipeline, l2: float) -> Callable[[Groups, str], Value] | None:
    """What makes the backbone of groups and an ending of names; None if there is none."""
    if not pipeline.model_config.HasField("backbone"):
        return None
    backbone = pipeline.model_config.backbone
    return lambda groups, suffix: build_backbone(backbone, groups, l2, suffix)


def _network(
    inputs: dict[str, keras.KerasTensor], logits: dict[str, keras.KerasTensor], name: str
) -> keras.Model:
    try:
        return keras.Model(inputs, logits, name=name)
    except ValueError as error:
        # Network `a` with tower `b_c`, and network `a_b` with tower `c`.
        twice = _TWICE.search(str(error))
        if twice is None:
            raise
        text = "Names of towers, blocks, experts, bottoms and networks should not together name"
        told = f"{text} a layer twice. Received: `{twice[1]}`. Rename one of them."
        raise ConfigError([told]) from error


def _module(architecture: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{architecture}")
