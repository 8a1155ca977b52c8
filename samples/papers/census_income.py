"""Architectures of about equal size on Census-Income, as in tables 1 and 2 of the MMoE paper.

    python samples/papers/census_income.py --input census-income.test.gz --output results

`samples/census_income/prepare.py` says where to get the set, and makes the two groups of tasks. The
features are those of `mmoe_on_census_income.config` beside it; only the model is exchanged, and for
group 2 the columns that labels are made of.

Every architecture has towers of one layer of 8 units. Its bottoms or experts have one layer (PLE:
two), as wide as makes it as large as MMoE with 8 experts of 16 units, in trained numbers outside
the embedding tables. `single_task` has as many of those, but tables of each task's own.

Each training keeps the model with the best validation AUC of the main task, income or education,
and that one is measured on the test rows.

References:
    Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate
    Mixture-of-Experts", KDD 2018, https://doi.org/10.1145/3219819.3220007, section 6.3
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import math
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import experiment
import pandas as pd

import tfmtl

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PREPARE = pathlib.Path(__file__).parents[1] / "census_income" / "prepare.py"
CONFIG = PREPARE.with_name("mmoe_on_census_income.config")
NUM_TASKS = 2
TOWER = 8
EXPERTS = 8
MMOE_UNITS = 16
L2 = 1e-5


@dataclasses.dataclass(frozen=True)
class Setting:
    """How long each model is trained, and how often.

    Args:
        seeds: Trainings of each model.
        epochs: The most times that it sees the training rows.
        batch_size: Rows in a step.
        learning_rate: Adam's first rate.
        decay: Factor of the rate after each epoch.
        patience: Epochs without a better model before the training stops.
    """

    seeds: int
    epochs: int
    batch_size: int
    learning_rate: float
    decay: float
    patience: int


SETTINGS = {
    "small": Setting(3, epochs=6, batch_size=1024, learning_rate=0.02, decay=0.5, patience=6),
    # That of `mmoe_on_census_income.config`, and more seeds. (The paper has hundreds.)
    "paper": Setting(10, epochs=25, batch_size=512, learning_rate=0.002, decay=0.9, patience=7),
    "tiny": Setting(2, epochs=1, batch_size=64, learning_rate=0.01, decay=1.0, patience=1),
}


# The groups of tasks.


@dataclasses.dataclass(frozen=True)
class Group:
    """Two tasks on the same features.

    Args:
        number: As in the paper, and for `prepare.py`.
        main_task: The one that says which model is best.
        renamed: What other columns it has than group 1.
    """

    number: int
    main_task: str
    renamed: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def tasks(self) -> tuple[str, str]:
        """The names of the tasks, which are those of the labels."""
        return self.main_task, "marital"

    def config(self) -> str:
        """The sample's config with this group's columns."""
        text = CONFIG.read_text(encoding="utf-8")
        for old, new in self.renamed.items():
            text = text.replace(f'"{old}"', f'"{new}"')
        return text


GROUPS = [
    Group(1, "income"),
    # `education` is what the label is made of; `income_50k` is what group 1's label is made of.
    Group(2, "education_college", {"income": "education_college", "education": "income_50k"}),
]


# The architectures.


@dataclasses.dataclass(frozen=True)
class Architecture:
    """An architecture whose size is a matter of one width.

    Args:
        fields: Its message in the config without towers, as a function of the width.
        size: Numbers that are trained between the features and the towers, as a function of the
            features' width and its own.
    """

    fields: Callable[[int], str]
    size: Callable[[int, int], int]

    def num_parameters(self, inputs: int, units: int) -> int:
        """Numbers that are trained outside the embedding tables."""
        return self.size(inputs, units) + NUM_TASKS * (dense(units, TOWER) + dense(TOWER, 1))

    def units_of(self, inputs: int, budget: int) -> int:
        """The width with which it comes closest to a budget of parameters."""

        def distance(units: int) -> int:
            return abs(self.num_parameters(inputs, units) - budget)

        return min(range(1, math.ceil(budget / inputs) + 1), key=distance)


def dense(inputs: int, units: int) -> int:
    """Numbers in a dense layer."""
    return inputs * units + units


def dnn(name: str, units: int) -> str:
    """A network of one layer, as a config has it."""
    return f"{name} {{ hidden_units: {units} use_bn: false }}"


def ple_network(units: int) -> str:
    """A level of PLE."""
    return (
        f"extraction_networks {{ expert_num_per_task: {OWN_EXPERTS} share_num: {SHARED_EXPERTS}"
        f" {dnn('task_expert_net', units)} {dnn('share_expert_net', units)} }}"
    )


# CGC and PLE have as many experts as MMoE: those of each task's own, and those that all share.
OWN_EXPERTS, SHARED_EXPERTS = 3, 2
SEEN_EXPERTS = OWN_EXPERTS + SHARED_EXPERTS  # By a task's gate.

ARCHITECTURES = {
    "single_task": Architecture(
        lambda units: dnn("bottom_dnn", units),
        lambda inputs, units: NUM_TASKS * dense(inputs, units),
    ),
    "shared_bottom": Architecture(
        lambda units: dnn("bottom_dnn", units),
        dense,
    ),
    "l2_constrained": Architecture(
        lambda units: f"{dnn('bottom_dnn', units)} l2_constraint: 1e-4",
        lambda inputs, units: NUM_TASKS * dense(inputs, units),
    ),
    "cross_stitch": Architecture(
        lambda units: dnn("bottom_dnn", units),
        lambda inputs, units: NUM_TASKS * dense(inputs, units) + NUM_TASKS**2,
    ),
    # All ranks are full but that of the inputs, which is the width's.
    "tensor_factorization": Architecture(
        lambda units: (
            f"{dnn('bottom_dnn', units)}"
            f" input_rank: {units} output_rank: {units} task_rank: {NUM_TASKS}"
        ),
        lambda inputs, units: (
            (inputs * units + units * units + NUM_TASKS**2)  # The factors.
            + NUM_TASKS * (units * units + units)  # The core, and the biases.
        ),
    ),
    "omoe": Architecture(
        lambda units: f"{dnn('expert_dnn', units)} num_expert: {EXPERTS}",
        lambda inputs, units: EXPERTS * dense(inputs, units) + dense(inputs, EXPERTS),
    ),
    "mmoe": Architecture(
        lambda units: f"{dnn('expert_dnn', units)} num_expert: {EXPERTS}",
        lambda inputs, units: EXPERTS * dense(inputs, units) + NUM_TASKS * dense(inputs, EXPERTS),
    ),
    "cgc": Architecture(
        lambda units: (
            f"{dnn('expert_dnn', units)}"
            f" expert_num_per_task: {OWN_EXPERTS} share_num: {SHARED_EXPERTS}"
        ),
        lambda inputs, units: (
            EXPERTS * dense(inputs, units) + NUM_TASKS * dense(inputs, SEEN_EXPERTS)
        ),
    ),
    "ple": Architecture(
        lambda units: f"{ple_network(units)} {ple_network(units)}",
        lambda inputs, units: (
            EXPERTS * (dense(inputs, units) + dense(units, units))
            + NUM_TASKS * (dense(inputs, SEEN_EXPERTS) + dense(units, SEEN_EXPERTS))
            + dense(inputs, EXPERTS)  # The shared gate of the lower network.
        ),
    ),
}


def sample_inputs() -> int:
    """The features' width in the sample's config."""
    pipeline = tfmtl.load_config(CONFIG)
    (features,) = pipeline.model_config.feature_groups
    (dim,) = {feature.embedding_dim for feature in pipeline.feature_config.features}
    return dim * len(features.feature_names)


def model_text(name: str, units: int, tasks: Sequence[str]) -> str:
    """The message of an architecture with its towers."""
    towers = [
        f'task_towers {{ tower_name: "{task}" label_name: "{task}" {dnn("dnn", TOWER)} }}'
        for task in tasks
    ]
    parts = [ARCHITECTURES[name].fields(units), *towers, f"l2_regularization: {L2}"]
    return f"{{ {' '.join(parts)} }}"


# Training and measuring.


def overrides(
    setting: Setting, group: Group, name: str, units: int, train_rows: int
) -> dict[str, Any]:
    """What is changed in the sample's config."""
    epoch = math.ceil(train_rows / setting.batch_size)  # In steps.
    rate = (
        f"{{ initial_learning_rate: {setting.learning_rate}"
        f" decay_steps: {epoch} decay_factor: {setting.decay} }}"
    )
    optimizer = "train_config.optimizer_config[0].adam_optimizer"
    return {
        f"model_config.{name}": model_text(name, units, group.tasks),
        f"{optimizer}.learning_rate.exponential_decay_learning_rate": rate,
        "train_config.save_checkpoints_steps": epoch,
        "data_config.batch_size": setting.batch_size,
        "data_config.num_epochs": setting.epochs,
        "export_config.best_exporter_metric": f"auc_{group.main_task}",
        "export_config.max_check_steps": setting.patience * epoch,
    }


def read_parts(source: pathlib.Path, group: Group) -> list[pd.DataFrame]:
    """The rows to train on, to choose the best model by, and to test it on."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, PREPARE, "--input", source, "--output", folder]
        done = subprocess.run([*command, "--group", str(group.number)])
        if done.returncode:  # It has said why.
            sys.exit(done.returncode)
        return [
            pd.read_csv(pathlib.Path(folder, f"{name}.csv"), dtype=str, keep_default_na=False)
            for name in ("train", "valid", "test")
        ]


def count_parameters(run: experiment.Run) -> tuple[int, int]:
    """Numbers in a trained model's embedding tables, and all others."""
    tables = run.training.model.embedding_variables()
    embedding = sum(table.shape.num_elements() for table in tables)
    return embedding, run.num_parameters - embedding


def compare(options: argparse.Namespace) -> tuple[experiment.Table, experiment.Table]:
    """Trains all models: their test AUC, and their sizes."""
    inputs = sample_inputs()
    budget = ARCHITECTURES["mmoe"].num_parameters(inputs, MMOE_UNITS)
    units = {name: ARCHITECTURES[name].units_of(inputs, budget) for name in options.architectures}
    scores, sizes = experiment.Table("architecture"), experiment.Table("architecture", digits=0)
    for group in GROUPS:
        train, valid, test = read_parts(options.input, group)
        for seed, name in itertools.product(options.seeds, options.architectures):
            changes = overrides(options.setting, group, name, units[name], len(train))
            title = f"group {group.number} · {name}"
            with experiment.train(
                title, group.config(), train, valid, seed=seed, overrides=changes
            ) as run:
                metrics = tfmtl.evaluate(run.pipeline, test, checkpoint="best")
                for task in group.tasks:
                    scores.add(name, column(group, task), metrics[f"auc_{task}"])
            if name not in sizes.rows:
                embedding, others = count_parameters(run)
                sizes.add(name, "units", units[name])
                sizes.add(name, "parameters", others)
                sizes.add(name, "in tables", embedding)
    return scores, sizes


def column(group: Group, task: str) -> str:
    """What a task's column is called."""
    return f"group {group.number}: {task}"


def draw(folder: pathlib.Path, scores: experiment.Table) -> None:
    """The mean of each task's AUC, a standard deviation around it, and the trainings one by one."""
    with experiment.picture(folder, "census_income", len(scores.columns), (2.6, 3.4)) as panels:
        for axes, name in zip(panels, scores.columns, strict=True):
            draw_panel(axes, scores, name)
        panels[0].invert_yaxis()  # The first row on top; the panels share the axis.


def draw_panel(axes: Axes, scores: experiment.Table, name: str) -> None:
    """One task's AUC by architecture."""
    axes.set_title(name, fontsize="medium")
    axes.set_xlabel("test AUC")
    axes.errorbar(scores.means(name), scores.rows, xerr=scores.deviations(name), fmt="o", capsize=3)
    for row in scores.rows:
        values = scores.values(row, name)
        axes.plot(values, [row] * len(values), "|", color="gray", markersize=8)


def main() -> None:
    """Trains, and writes tables and picture, as the command line says."""
    parser = experiment.new_parser(__doc__, SETTINGS)
    parser.add_argument("--input", type=pathlib.Path, required=True, help="census-income.test.gz")
    parser.add_argument(
        "--architectures",
        nargs="+",
        choices=list(ARCHITECTURES),
        default=list(ARCHITECTURES),
        metavar="NAME",
        help=f"those to train, of {', '.join(ARCHITECTURES)} (default: all)",
    )
    options = experiment.parse(parser, SETTINGS)
    scores, sizes = compare(options)
    scores.write(options.output, "census_income")
    sizes.write(options.output, "census_income_sizes")
    draw(options.output, scores)


if __name__ == "__main__":
    main()
