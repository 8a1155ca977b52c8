"""The balancings that are compared, and the models that they are compared on.

Both models share a bottom, where tasks get most into each other's way. That of the funnel has three
tasks: the click, and of clicked rows the cart and the purchase. That of Census-Income is the
`shared_bottom` of `census_models.py`, on the two tasks of a group.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import funnel_models
from census_models import L2_REGULARIZATION, layer

FUNNEL_TASKS = {"ctr": "click", "cart_rate": "cart", "cvr": "buy"}  # Task: its label.
COMPARING = "gradnorm pareto mgda pcgrad cagrad imtl aligned nash".split()
BY_LOSSES = "uncertainty random famo stch db_mtl geometric".split()


@dataclasses.dataclass(frozen=True)
class Balancing:
    """A way to balance losses.

    Args:
        name: What the tables call it.
        strategy: The field of `model_config.balancing`.
        fields: What its message says besides.
        compares: Whether it compares gradients.
        first_weight: Weight of the first task's tower; the others have 1.
    """

    name: str
    strategy: str
    fields: str = ""
    compares: bool = False
    first_weight: float = 1

    def message(self, at_parameters: bool = False) -> str:
        """Its message in the config.

        Args:
            at_parameters: Whether it compares gradients at all shared parameters.
        """
        level = "level: PARAMETERS" if at_parameters else ""
        return f"{{ {self.strategy} {{ {self.fields} {level} }} }}"


def balancings(tasks: Sequence[str], epoch_rows: int) -> list[Balancing]:
    """All ways to balance the losses of some tasks, `fixed` first.

    Args:
        tasks: The tasks; the first is the one that decays.
        epoch_rows: Rows to train on. A period is a tenth of them.
    """
    period = f"epoch_rows: {max(epoch_rows // 10, 1)}"
    return [
        Balancing("fixed", "fixed"),
        Balancing("fixed, 4 to 1", "fixed", first_weight=4),
        Balancing("decay", "decay", f'{period} ratios {{ task_name: "{tasks[0]}" gamma: 0.9 }}'),
        Balancing("dwa", "dwa", period),
        *(Balancing(name, name) for name in BY_LOSSES),
        *(Balancing(name, name, compares=True) for name in COMPARING),
        Balancing("mgda, normalized", "mgda", "normalization: LOSS_AND_NORM", compares=True),
        Balancing("db_mtl, gradients", "db_mtl", "balance_gradients: true", compares=True),
    ]


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of the funnel's network.

    Args:
        embedding_dim: Of every feature.
        bottom: Units of the bottom's layers.
        tower: Units of a tower's layers.
    """

    embedding_dim: int
    bottom: tuple[int, ...]
    tower: tuple[int, ...]


def funnel_text(sizes: Sizes, *, passes: int, batch_size: int, learning_rate: float) -> str:
    """The config of the funnel's model, whose architecture `funnel_overrides` gives."""
    click = funnel_models.Method("balancing", "shared_bottom", ())
    return funnel_models.config_text(
        click,
        funnel_models.Sizes(sizes.embedding_dim, sizes.tower),
        passes=passes,
        batch_size=batch_size,
        learning_rate=learning_rate,
    )


def funnel_overrides(sizes: Sizes, first_weight: float = 1) -> Mapping[str, str]:
    """The architecture of the funnel's model, as overrides of its config.

    Args:
        sizes: Those of its network.
        first_weight: Weight of the first task.
    """
    towers = [
        f'task_towers {{ tower_name: "{task}" label_name: "{label}" weight: {weight} '
        f"{_dnn('dnn', sizes.tower)} metrics_set {{ auc {{}} }} {_space(label)} }}"
        for (task, label), weight in zip(
            FUNNEL_TASKS.items(), _weights(first_weight, FUNNEL_TASKS), strict=True
        )
    ]
    parts = [_dnn("bottom_dnn", sizes.bottom), *towers, "l2_regularization: 1e-6"]
    return {"model_config.shared_bottom": f"{{ {' '.join(parts)} }}"}


def census_overrides(
    width: int, tasks: Sequence[str], first_weight: float = 1
) -> Mapping[str, str]:
    """The architecture of Census-Income's model, as overrides of the sample's config.

    Args:
        width: Of the bottom.
        tasks: The tasks, which are called as their labels.
        first_weight: Weight of the first task.
    """
    towers = [
        f'task_towers {{ tower_name: "{task}" label_name: "{task}" weight: {weight} '
        f"{layer('dnn', 8)} metrics_set {{ auc {{}} }} }}"
        for task, weight in zip(tasks, _weights(first_weight, tasks), strict=True)
    ]
    parts = [layer("bottom_dnn", width), *towers, f"l2_regularization: {L2_REGULARIZATION}"]
    return {"model_config.shared_bottom": f"{{ {' '.join(parts)} }}"}


def _weights(first: float, tasks: Collection[str]) -> list[float]:
    return [first, *[1.0] * (len(tasks) - 1)]


def _dnn(field: str, units: Sequence[int]) -> str:
    return f"{field} {{ hidden_units: [{', '.join(map(str, units))}] use_bn: false }}"


def _space(label: str) -> str:
    """What follows a click is learned and measured on clicked rows."""
    if label == "click":
        return ""
    return 'task_space_indicator_label: "click" out_task_space_weight: 0'
