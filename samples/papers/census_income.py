"""Architectures of about the same size on Census-Income, as in tables 1 and 2 of the MMoE paper.

    python samples/papers/census_income.py --input census-income.test.gz --output results

trains them on two groups of two tasks each. Writes

    census_income          the AUC of each task on the test rows, also as a picture
    census_income_sizes    the widths, and the numbers of parameters

`census_income.md` has the results.

`samples/census_income/prepare.py` says where to get the set, and makes the two groups of tasks. The
features are those of `mmoe_on_census_income.config` beside it; only the model is exchanged, and for
group 2 the columns that labels are made of.

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
from typing import TYPE_CHECKING, Any

import experiment
import pandas as pd
from census_models import ARCHITECTURES

import tfmtl

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PREPARE = pathlib.Path(__file__).parents[1] / "census_income" / "prepare.py"
CONFIG = PREPARE.with_name("mmoe_on_census_income.config")


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


def main() -> None:
    """Runs the experiment that the command line asks for."""
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
    write_sizes(options)
    scores = experiment.Table("architecture", digits=5)
    for group in GROUPS:
        train_all(group, options, scores)
    scores.write(options.output, "census_income")
    draw(options.output, scores)


def write_sizes(options: argparse.Namespace) -> None:
    """Tells the width of every architecture and what it makes."""
    table, inputs = experiment.Table("architecture", digits=0), feature_width()
    for name in options.architectures:
        architecture = ARCHITECTURES[name]
        width = architecture.equal_width(inputs)
        table.add(name, "width", width)
        table.add(name, "parameters", architecture.num_parameters(inputs, width))
    table.write(options.output, "census_income_sizes")


def feature_width() -> int:
    """The width of all features of the sample's config together."""
    pipeline = tfmtl.load_config(CONFIG)
    (features,) = pipeline.model_config.feature_groups
    (dim,) = {feature.embedding_dim for feature in pipeline.feature_config.features}
    return dim * len(features.feature_names)


def train_all(group: Group, options: argparse.Namespace, scores: experiment.Table) -> None:
    """Trains every architecture with every seed on a group, and adds what it scores."""
    train, valid, test = read_parts(options.input, group)
    for seed, name in itertools.product(options.seeds, options.architectures):
        with experiment.train(
            f"group {group.number} · {name}",
            group.config(),
            train,
            valid,
            seed=seed,
            overrides=overrides(options.setting, group, name, len(train)),
        ) as run:
            metrics = tfmtl.evaluate(run.pipeline, test, checkpoint="best")
        tested = {task: metrics[f"auc_{task}"] for task in group.tasks}
        print(f"    test AUC: {tested}", flush=True)
        for task, auc in tested.items():
            scores.add(name, f"group {group.number}: {task}", auc)


def read_parts(source: pathlib.Path, group: Group) -> list[pd.DataFrame]:
    """The rows to train on, to choose the best model by, and to test it on."""
    with tempfile.TemporaryDirectory(prefix="tfmtl-papers-") as folder:
        command = [sys.executable, PREPARE, "--input", source, "--output", folder]
        done = subprocess.run([*command, "--group", str(group.number)])
        if done.returncode:  # It has said why.
            sys.exit(done.returncode)
        return [
            pd.read_csv(pathlib.Path(folder, f"{name}.csv"), dtype=str, keep_default_na=False)
            for name in ("train", "valid", "test")
        ]


def overrides(setting: Setting, group: Group, name: str, train_rows: int) -> dict[str, Any]:
    """What is changed in the sample's config to train an architecture."""
    architecture = ARCHITECTURES[name]
    width = architecture.equal_width(feature_width())
    epoch = math.ceil(train_rows / setting.batch_size)  # In steps.
    rate = "train_config.optimizer_config[0].adam_optimizer.learning_rate"
    return {
        f"model_config.{name}": architecture.message(width, group.tasks),
        f"{rate}.exponential_decay_learning_rate": (
            f"{{ initial_learning_rate: {setting.learning_rate}"
            f" decay_steps: {epoch} decay_factor: {setting.decay} }}"
        ),
        "train_config.save_checkpoints_steps": epoch,
        "data_config.batch_size": setting.batch_size,
        "data_config.num_epochs": setting.epochs,
        "export_config.best_exporter_metric": f"auc_{group.main_task}",
        "export_config.max_check_steps": setting.patience * epoch,
    }


def draw(folder: pathlib.Path, scores: experiment.Table) -> None:
    """The mean of each task's AUC, a standard deviation around it, and the seeds one by one."""
    with experiment.picture(folder, "census_income", len(scores.columns), (2.6, 3.4)) as panels:
        for axes, column in zip(panels, scores.columns, strict=True):
            draw_panel(axes, scores, column)
        panels[0].invert_yaxis()  # The first row on top; the panels share the axis.


def draw_panel(axes: Axes, scores: experiment.Table, column: str) -> None:
    """One task's AUC by architecture."""
    axes.set_title(column, fontsize="medium")
    axes.set_xlabel("test AUC")
    means, deviations = scores.means(column), scores.deviations(column)
    axes.errorbar(means, scores.rows, xerr=deviations, fmt="o", capsize=3)
    for row in scores.rows:
        values = scores.values(row, column)
        axes.plot(values, [row] * len(values), "|", color="gray", markersize=8)


if __name__ == "__main__":
    main()
