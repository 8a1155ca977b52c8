"""The names under which a checkpoint holds the variables of a training.

    model/<variable>                       weights of the network
    optimizer_<n>/<slot>/<variable>        what an optimizer remembers of a weight
    optimizer_<n>/iterations               its steps
    balancing/<name>                       what the balancing of the tasks remembers
    random/<layer>                         where a layer's stream of random numbers stands

They are flat and readable, so that a checkpoint of another model can be told variable by variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import tensorflow as tf
import tf_keras as keras

from tfmtl.errors import TrainingError
from tfmtl.training.model import MultiTaskModel

_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_ESCAPED = {".": ".", "S": "/"}
_SHOWN = 10


def model_variables(network: keras.Model) -> dict[str, tf.Variable]:
    """The variables of a network by the names they are saved under."""
    return dict(_named("model", ((variable.name, variable) for variable in network.variables)))


def training_variables(model: MultiTaskModel) -> dict[str, tf.Variable]:
    """All variables that a training goes on from, by the names they are saved under."""
    model.create_slots()
    variables = model_variables(model.network)
    for index, (optimizer, trained) in enumerate(model.optimized()):
        prefix = f"optimizer_{index}"
        variables[f"{prefix}/iterations"] = optimizer.iterations
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
    """Gives variables of the same name numbers, in their order."""
    seen: dict[str, int] = {}
    for name, variable in variables:
        name = f"{prefix}/{name.removesuffix(':0')}"
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name}#{seen[name]}"), variable


def saved_shapes(path: str) -> dict[str, list[int]]:
    """The variables in a checkpoint: their shapes by name."""
    shapes = tf.train.load_checkpoint(path).get_variable_to_shape_map()
    values = {key.removesuffix(_VALUE): s for key, s in shapes.items() if key.endswith(_VALUE)}
    values.pop("save_counter", None)  # TensorFlow's own.
    return {_unescape(key): shape for key, shape in values.items()}


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
    if differing:
        lines = [f"  {name}: {_difference(saved.get(name), own.get(name))}" for name in differing]
        more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
        raise TrainingError(
            f"The checkpoint `{path}` should have the variables of the model. Received: "
            f"{len(lines)} that differ.\n"
            + "\n".join([*lines[:_SHOWN], *more])
            + "\nUse the config it was trained with (`pipeline.config` beside it), or train into "
            "another model_dir."
        )


def _difference(saved: list[int] | None, own: list[int] | None) -> str:
    if saved is None:
        return "only in the model"
    if own is None:
        return "only in the checkpoint"
    return f"{saved} in the checkpoint, {own} in the model"


def _unescape(key: str) -> str:
    return re.sub(r"\.(.)", lambda match: _ESCAPED[match[1]], key)
