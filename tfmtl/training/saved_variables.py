"""The names under which a checkpoint holds the variables of a training.

    model/<variable>                       weights of the network
    optimizer_<n>/<slot>/<variable>        what an optimizer remembers of a weight
    optimizer_<n>/iterations               its steps
    optimizer_<n>/earlier_steps            those of a training whose moments it took over
    balancing/<name>                       what the balancing of the tasks remembers
    random/<layer>                         where a layer's stream of random numbers stands

They are flat and readable, so that a checkpoint of another model can be told variable by variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.errors import TrainingError
from tfmtl.training.lazy_adam import LazyAdam
from tfmtl.training.model import MultiTaskModel
from tfmtl.training.pieces import Tables, numbered, weights_of

_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_ESCAPED = {".": ".", "S": "/"}
_SHOWN = 10


def model_variables(network: keras.Model) -> dict[str, tf.Variable]:
    """The variables of a network by the names they are saved under."""
    return {f"model/{name}": variable for name, variable in weights_of(network).items()}


def training_variables(model: MultiTaskModel) -> dict[str, tf.Variable]:
    """All variables that a training goes on from, by the names they are saved under."""
    model.create_slots()
    variables = model_variables(model.network)
    for index, (optimizer, trained) in enumerate(model.optimized()):
        prefix = f"optimizer_{index}"
        variables[f"{prefix}/iterations"] = optimizer.iterations
        if isinstance(optimizer, LazyAdam):
            variables[f"{prefix}/earlier_steps"] = optimizer.earlier_steps
        for slot in optimizer.get_slot_names():
            slots = ((variable.name, optimizer.get_slot(variable, slot)) for variable in trained)
            variables.update(_named(f"{prefix}/{slot}", slots))
    variables.update(_named("balancing", model.plan.balancer.variables.items()))
    variables.update(_named("random", _random_states(model.network)))
    return variables


def _random_states(network: keras.Model) -> Iterator[tuple[str, tf.Variable]]:
    """Keras leaves these out of its own checkpoints."""
    for layer in network.submodules:
        generator = getattr(getattr(layer, "_random_generator", None), "_generator", None)
        if generator is not None:
            yield layer.name, generator.state


def _named(
    prefix: str, variables: Iterable[tuple[str, tf.Variable]]
) -> Iterator[tuple[str, tf.Variable]]:
    return ((f"{prefix}/{name}", variable) for name, variable in numbered(variables))


def saved_keys(path: str) -> dict[str, str]:
    """The variables in a checkpoint: under which key TensorFlow has each, by name."""
    keys = tf.train.load_checkpoint(path).get_variable_to_shape_map()
    values = {key.removesuffix(_VALUE): key for key in keys if key.endswith(_VALUE)}
    values.pop("save_counter", None)  # TensorFlow's own.
    return {_unescape(name): key for name, key in values.items()}


def saved_shapes(path: str) -> dict[str, list[int]]:
    """The variables in a checkpoint: their shapes by name."""
    shapes = tf.train.load_checkpoint(path).get_variable_to_shape_map()
    return {name: shapes[key] for name, key in saved_keys(path).items()}


def check_same_variables(
    path: str, saved: Mapping[str, list[int]], variables: Mapping[str, tf.Variable]
) -> None:
    """Raises if a checkpoint is of another model.

    Raises:
        TrainingError: With the variables that differ.
    """
    own = {name: variable.shape.as_list() for name, variable in variables.items()}
    differing = [name for name in sorted({*saved, *own}) if saved.get(name) != own.get(name)]
    # Where weights differ, so does what the optimizers remember of them.
    differing = [name for name in differing if name.startswith("model/")] or differing
    _refuse(path, {name: _difference(saved.get(name), own.get(name)) for name in differing})


def check_same_tables(path: str, saved: Tables, own: Tables) -> None:
    """Raises if the tables of a checkpoint lie elsewhere in storages of the same shape.

    Raises:
        TrainingError: With the tables that differ.
    """
    theirs, ours = _places(saved), _places(own)
    _refuse(
        path,
        {
            name: _difference(theirs.get(name), ours.get(name))
            for name in sorted({*theirs, *ours})
            if theirs.get(name) != ours.get(name)
        },
    )


def _places(tables: Tables) -> dict[str, str]:
    """Where each table lies, in words."""
    return {
        f"model/{storage}/{table}": f"rows {first} to {end}"
        for storage, placed in tables.items()
        for table, (first, end) in placed.items()
    }


def _refuse(path: str, differences: Mapping[str, str]) -> None:
    lines = [f"  {name}: {difference}" for name, difference in differences.items()]
    if not lines:
        return
    more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    raise TrainingError(
        f"The checkpoint `{path}` should have the variables of the model. Received: "
        f"{len(lines)} that differ.\n"
        + "\n".join([*lines[:_SHOWN], *more])
        + "\nUse the config it was trained with (`pipeline.config` beside it), or train into "
        "another model_dir."
    )


def _difference(saved: Any, own: Any) -> str:
    if saved is None:
        return "only in the model"
    if own is None:
        return "only in the checkpoint"
    return f"{saved} in the checkpoint, {own} in the model"


def _unescape(key: str) -> str:
    return re.sub(r"\.(.)", lambda match: _ESCAPED[match[1]], key)
