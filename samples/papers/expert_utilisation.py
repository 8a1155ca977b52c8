"""How much of each expert the tasks take, in architectures with and without experts of their own.

    python samples/papers/expert_utilisation.py --output results

trains MMoE, ML-MMoE, CGC and PLE, with six experts in every level, on clicks and purchases of a
made-up e-commerce log, and looks at the weights that the tasks' gates give to the experts on rows
of the evaluation data (PLE paper, figure 13). Writes

    expert_weights       the mean weight by gate, task and expert, and its standard deviation over
                         the rows, of the first seed; table and picture
    expert_utilisation   what can be compared between seeds, in which experts have other places

`expert_utilisation.md` has the results.

References:
    Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for
    Personalized Recommendations", RecSys 2020, https://doi.org/10.1145/3383313.3412236, section 5.4
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import experiment
import numpy as np
import pandas as pd
import tf_keras as keras

from tfmtl.data import read_frame

SAMPLES = pathlib.Path(__file__).resolve().parents[1]
TASKS = ("ctr", "cvr")
COLORS = {"ctr": "C0", "cvr": "C1"}
OWN = SHARED = 2  # Experts of a level: two of each task's own and two shared ones, or six shared.
EXPERTS = len(TASKS) * OWN + SHARED

Weights = dict[str, np.ndarray]  # By expert, (rows,).


@dataclasses.dataclass(frozen=True)
class Setting:
    """How large the experiment is.

    Args:
        rows: Rows of the log; nine tenths of them are trained on, once.
        batch_size: Rows of a step.
        seeds: How many seeds by default.
    """

    rows: int
    batch_size: int
    seeds: int


SETTINGS = {
    "small": Setting(rows=150_000, batch_size=512, seeds=3),
    "paper": Setting(rows=3_000_000, batch_size=512, seeds=5),
    "tiny": Setting(rows=2_000, batch_size=256, seeds=1),
}


@dataclasses.dataclass(frozen=True)
class Architecture:
    """An architecture, and which of its gates to look at.

    Args:
        field: Its field in the config; `samples/<field>_on_ecommerce.config` is its config.
        overrides: What makes it have six experts in a level, within its message.
        gates: What a gate is called by its layer's name, in which {} stands for the task.
        has_own: Whether tasks have experts of their own.
    """

    field: str
    overrides: Mapping[str, Any]
    gates: Mapping[str, str]
    has_own: bool

    def experts(self, task: str) -> list[str]:
        """The experts that a task's gate weighs, in its order."""
        if not self.has_own:
            return [f"{place}" for place in range(1, EXPERTS + 1)]
        own = [f"{task} {place}" for place in range(1, OWN + 1)]
        return own + [f"shared {place}" for place in range(1, SHARED + 1)]


ARCHITECTURES = (
    Architecture("mmoe", {"num_expert": EXPERTS}, {"MMoE": "{}_gate"}, has_own=False),
    Architecture(
        "ml_mmoe",
        {"levels[0].num_expert": EXPERTS, "levels[1].num_expert": EXPERTS},
        {"ML-MMoE": "{}_gate"},
        has_own=False,
    ),
    Architecture(
        "cgc", {"expert_num_per_task": OWN, "share_num": SHARED}, {"CGC": "{}_gate"}, has_own=True
    ),
    Architecture(
        "ple",
        {
            f"extraction_networks[{level}].{field}": count
            for level in (0, 1)
            for field, count in (("expert_num_per_task", OWN), ("share_num", SHARED))
        },
        {"PLE, lower": "lower_{}_gate", "PLE, upper": "upper_{}_gate"},
        has_own=True,
    ),
)


def main() -> int:
    """Runs the experiment that the command line asks for."""
    options = experiment.parse(experiment.new_parser(__doc__, SETTINGS), SETTINGS)
    frames = make_log(options.setting.rows)
    first, summary = {}, experiment.Table("gates")
    for architecture in ARCHITECTURES:
        for seed in options.seeds:
            weights = train_and_look(architecture, frames, options.setting, seed, summary)
            if seed == options.seeds[0]:
                first |= weights
    write_weights(first, options)
    summary.write(options.output, "expert_utilisation")
    return 0


def make_log(rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The sample's log: rows to train on, and rows to evaluate on."""
    with tempfile.TemporaryDirectory() as folder:
        maker = [sys.executable, str(SAMPLES / "make_ecommerce_log.py")]
        arguments = ["--rows", str(rows), "--output", folder]
        subprocess.run([*maker, *arguments], check=True, stdout=subprocess.DEVNULL)
        # Empty cells of text are values; only a price can be missing, or a label that is not read.
        as_is = {"keep_default_na": False, "na_values": {"price": [""]}}
        train, evaluation = (
            pd.read_csv(pathlib.Path(folder, name), **as_is) for name in ("train.csv", "eval.csv")
        )
    return train, evaluation


def train_and_look(
    architecture: Architecture,
    frames: tuple[pd.DataFrame, pd.DataFrame],
    setting: Setting,
    seed: int,
    summary: experiment.Table,
) -> dict[str, dict[str, Weights]]:
    """Trains an architecture, and adds what its gates do to the summary.

    Returns:
        By gates and task, the weights of the experts on the evaluation data.
    """
    config = SAMPLES / f"{architecture.field}_on_ecommerce.config"
    overrides = {
        "data_config.batch_size": setting.batch_size,
        "train_config.save_checkpoints_steps": setting.rows,  # One evaluation, in the end.
    }
    message = f"model_config.{architecture.field}"
    overrides |= {f"{message}.{name}": value for name, value in architecture.overrides.items()}
    with experiment.train(
        architecture.field, config, *frames, seed=seed, overrides=overrides
    ) as run:
        by_layer = gate_weights(run, frames[1])
        weights = {
            gates: {
                task: dict(
                    zip(architecture.experts(task), by_layer[layer.format(task)].T, strict=True)
                )
                for task in TASKS
            }
            for gates, layer in architecture.gates.items()
        }
        for gates, by_task in weights.items():
            summarize(gates, by_task, run.metrics, summary)
    return weights


def gate_weights(run: experiment.Run, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """The weights of every task's gates on the rows of a frame, (rows, experts), by layer."""
    network, columns = run.training.model.network, run.training.columns
    gates = {layer.name: layer.output for layer in network.layers if is_task_gate(layer)}
    encoded = columns.encode(read_frame(run.pipeline.data_config, frame, columns.raw_columns))
    outputs = keras.Model(network.input, gates)(encoded, training=False)
    return {name: weights.numpy() for name, weights in outputs.items()}


def is_task_gate(layer: keras.layers.Layer) -> bool:
    """Whether a layer is a task's gate."""
    return layer.name.endswith(tuple(f"{task}_gate" for task in TASKS))


def summarize(
    gates: str,
    by_task: Mapping[str, Weights],
    metrics: Mapping[str, float],
    summary: experiment.Table,
) -> None:
    """Adds to the summary what does not depend on the experts' places."""
    means = {
        task: {expert: float(weight.mean()) for expert, weight in weights.items()}
        for task, weights in by_task.items()
    }
    ctr, cvr = (means[task] for task in TASKS)
    summary.add(gates, "distance of the tasks", distance(ctr, cvr))
    for task in TASKS:
        shared = sum(mean for expert, mean in means[task].items() if not expert.startswith(task))
        summary.add(gates, f"on shared experts, {task}", shared)
    summary.add(gates, "smallest mean weight", min([*ctr.values(), *cvr.values()]))
    summary.add(gates, "largest mean weight", max([*ctr.values(), *cvr.values()]))
    for task in TASKS:
        summary.add(gates, f"AUC {task}", metrics[f"auc_{task}"])


def distance(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """½·Σ_e |g_e − g'_e| over the experts of both: 0 for the same weights, 1 for other experts."""
    experts = {**first, **second}
    return sum(abs(first.get(each, 0.0) - second.get(each, 0.0)) for each in experts) / 2


def write_weights(
    weights: Mapping[str, Mapping[str, Weights]], options: argparse.Namespace
) -> None:
    """Shows the mean weights, and how they spread over the rows."""
    table = experiment.Table("gates", "task", "expert")
    for gates, by_task in weights.items():
        for task, by_expert in by_task.items():
            for expert, weight in by_expert.items():
                table.add((gates, task, expert), "mean weight", weight.mean())
                table.add((gates, task, expert), "spread over the rows", weight.std())
    table.write(options.output, "expert_weights")
    with experiment.picture(
        options.output, "expert_weights", len(weights), size=(2.3, 3.2)
    ) as all_axes:
        for axes, (gates, by_task) in zip(all_axes, weights.items(), strict=True):
            draw(axes, gates, by_task)
        all_axes[0].set(ylabel="weight", ylim=(0, None))
        all_axes[0].legend(frameon=False)


def draw(axes: Any, gates: str, by_task: Mapping[str, Weights]) -> None:
    """Draws the weights of an architecture's gates as bars, those of both tasks side by side."""
    # Own experts first, one task's after the other's; then those of both.
    experts = list(dict.fromkeys(each for weights in by_task.values() for each in weights))
    experts.sort(key=lambda each: each.startswith("shared"))
    for task, shift in zip(TASKS, (-0.2, 0.2), strict=True):
        weights = by_task[task]
        axes.bar(
            [experts.index(each) + shift for each in weights],
            [weight.mean() for weight in weights.values()],
            0.4,
            yerr=[weight.std() for weight in weights.values()],
            color=COLORS[task],
            error_kw={"elinewidth": 0.8},
            capsize=2,
            label=task,
        )
    axes.set_xticks(range(len(experts)), experts, rotation=90)
    axes.set(title=gates)


if __name__ == "__main__":
    sys.exit(main())
