"""The architectures that are compared on correlated tasks, all of the same number of parameters.

MMoE is as in its paper: experts of one layer, a tower of one layer for each of the two tasks. The
others have towers like MMoE's, and layers of such a width w that their numbers of parameters are as
near to MMoE's as they can be. With dense(i, o) = (i + 1)·o and towers of t units,
T(w) = 2·(dense(w, t) + dense(t, 1)):

    shared_bottom   dense(d, w) + T(w)
    omoe            E·dense(d, w) + dense(d, E) + T(w)
    mmoe            E·dense(d, w) + 2·dense(d, E) + T(w)
    ple             E·dense(d, w) + 2·dense(d, own + shared) + dense(d, E)      the lower network
                    + E·dense(w, w) + 2·dense(w, own + shared) + T(w)           the upper

where PLE's E experts are `own` of each task and `shared` ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from correlated_data import LABELS, feature_names

ARCHITECTURES = ("shared_bottom", "omoe", "mmoe", "ple")
TOLERANCE = 0.03  # Share by which numbers of parameters may differ.


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The sizes of MMoE, which decide those of the others.

    Args:
        dimensions: Length d of the vector x.
        experts: Experts E of the mixtures; a quarter of them are each task's own in PLE.
        expert_units: Width of MMoE's experts.
        tower_units: Width of all towers.
    """

    dimensions: int
    experts: int = 8
    expert_units: int = 16
    tower_units: int = 8

    @property
    def own(self) -> int:
        """PLE's experts of each task's own."""
        return self.experts // 4

    @property
    def shared(self) -> int:
        """PLE's shared experts."""
        return self.experts - 2 * self.own


def num_parameters(architecture: str, sizes: Sizes, width: int) -> int:
    """How many parameters an architecture has with bottoms or experts of a width."""
    d, experts, tower = sizes.dimensions, sizes.experts, sizes.tower_units
    towers = 2 * (dense(width, tower) + dense(tower, 1))
    seen = sizes.own + sizes.shared
    if architecture == "shared_bottom":
        return dense(d, width) + towers
    if architecture == "omoe":
        return experts * dense(d, width) + dense(d, experts) + towers
    if architecture == "mmoe":
        return experts * dense(d, width) + 2 * dense(d, experts) + towers
    lower = experts * dense(d, width) + 2 * dense(d, seen) + dense(d, experts)
    upper = experts * dense(width, width) + 2 * dense(width, seen)
    return lower + upper + towers


def dense(inputs: int, outputs: int) -> int:
    """The parameters of a dense layer."""
    return (inputs + 1) * outputs


def equal_width(architecture: str, sizes: Sizes) -> int:
    """The width that gives an architecture as many parameters as MMoE.

    Raises:
        ValueError: If there is no such width.
    """
    wanted = num_parameters("mmoe", sizes, sizes.expert_units)
    widths = range(1, sizes.expert_units * sizes.experts * 2)
    width = min(widths, key=lambda each: abs(num_parameters(architecture, sizes, each) - wanted))
    received = num_parameters(architecture, sizes, width)
    if abs(received - wanted) > TOLERANCE * wanted:
        raise ValueError(
            f"`{architecture}` should have about {wanted} parameters. Received: {received} at its "
            f"best width, {width}."
        )
    return width


def config_text(
    architecture: str, sizes: Sizes, *, steps: int, batch_size: int, learning_rate: float
) -> str:
    """The config of an architecture, which reads each row once."""
    x = feature_names(sizes.dimensions)
    fields = "\n".join(
        f'input_fields {{ input_name: "{n}" input_type: FLOAT }}' for n in [*LABELS, *x]
    )
    return f"""
        train_config {{
          optimizer_config {{ adam_optimizer {{
            learning_rate {{ constant_learning_rate {{ learning_rate: {learning_rate} }} }}
          }} }}
          num_steps: {steps}
          save_checkpoints_steps: {steps}
          save_summary_steps: {max(1, steps // 80)}
        }}
        data_config {{
          batch_size: {batch_size}
          num_epochs: 1
          shuffle: false  # Rows are drawn independently.
          label_fields: [{quoted(LABELS)}]
          {fields}
        }}
        feature_config {{
          features {{
            input_names: "{x[0]}" feature_type: RawFeature shared_names: [{quoted(x[1:])}]
          }}
        }}
        model_config {{
          feature_groups {{ group_name: "all" feature_names: [{quoted(x)}] }}
          {architecture} {{
            {MESSAGES[architecture](sizes, equal_width(architecture, sizes))}
            {" ".join(_tower(label, sizes.tower_units) for label in LABELS)}
            l2_regularization: 0
          }}
        }}
        """


def quoted(names: Sequence[str]) -> str:
    """Names as the values of a repeated field."""
    return ", ".join(f'"{name}"' for name in names)


def layer(field: str, units: int) -> str:
    """A `DNN` message of one layer, without the batch normalization that the papers have not."""
    return f"{field} {{ hidden_units: {units} use_bn: false }}"


def _tower(label: str, units: int) -> str:
    return (
        f'task_towers {{ tower_name: "{label}" label_name: "{label}" loss_type: L2_LOSS '
        f"metrics_set {{ mean_squared_error {{}} }} {layer('dnn', units)} }}"
    )


def _experts(sizes: Sizes, width: int) -> str:
    return f"{layer('expert_dnn', width)} num_expert: {sizes.experts}"


def _networks(sizes: Sizes, width: int) -> str:
    network = (
        f"{layer('task_expert_net', width)} expert_num_per_task: {sizes.own} "
        f"{layer('share_expert_net', width)} share_num: {sizes.shared}"
    )
    return " ".join(
        f'extraction_networks {{ network_name: "{name}" {network} }}' for name in ("lower", "upper")
    )


# What an architecture's message holds besides its towers, of its sizes and its width.
MESSAGES: dict[str, Callable[[Sizes, int], str]] = {
    "shared_bottom": lambda sizes, width: layer("bottom_dnn", width),
    "omoe": _experts,
    "mmoe": _experts,
    "ple": _networks,
}
