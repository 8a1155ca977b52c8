"""All ways to balance the losses of tasks, and what a step of each costs.

    python samples/papers/balancing.py --input census-income.test.gz --output results

trains one model of a made-up log of clicks, carts and purchases, and one of Census-Income, with
every strategy of `model_config.balancing`. Writes

    balancing         AUC by task on test rows; also as a picture, as differences from `fixed`
    balancing_cost    the time of a step over that of `fixed`, by where gradients are compared

`balancing.md` has the results. Without `--input`, Census-Income is left out.

References:
    Kurin et al., "In Defense of the Unitary Scalarization for Deep Multi-Task Learning", NeurIPS
    2022, https://arxiv.org/abs/2201.04122
    Xin et al., "Do Current Multi-Task Optimization Methods in Deep Learning Even Help?", NeurIPS
    2022, https://arxiv.org/abs/2209.11379
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import pathlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import balancing_models as models
import census_income as census
import experiment

import tfmtl

if TYPE_CHECKING:
    import pandas as pd

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from make_funnel_log import make_log  # noqa: E402

CORRELATION = 0.6  # Of what is clicked with what is bought.
LEVELS = ("representation", "parameters")


@dataclasses.dataclass(frozen=True)
class Setting:
    """How large the experiment is.

    Args:
        sizes: Those of the funnel's network.
        rows: Impressions to train on.
        test_rows: Impressions to measure on.
        passes: Times that rows are read, of either data.
        batch_size: Rows of a step.
        learning_rate: Adam's.
        width: Of Census-Income's bottom.
        timed_steps: Steps of a measurement of time.
        measurements: Measurements of which the fastest counts, in turns with the others.
        seeds: How many seeds by default. A seed has a log and initial weights of its own; the log
            is the same for all balancings.
    """

    sizes: models.Sizes
    rows: int
    test_rows: int
    passes: int
    batch_size: int
    learning_rate: float
    width: int
    timed_steps: int
    measurements: int
    seeds: int


SETTINGS = {
    "small": Setting(
        models.Sizes(8, (128, 64), (32,)), 120_000, 60_000, 2, 1024, 0.003, 138, 10, 7, 3
    ),
    "paper": Setting(
        models.Sizes(16, (256, 128), (64, 32)), 2_000_000, 400_000, 3, 1024, 0.001, 138, 50, 9, 10
    ),
    "tiny": Setting(models.Sizes(3, (5,), (4,)), 2_000, 1_000, 1, 256, 0.01, 6, 1, 1, 1),
}


def main() -> None:
    """Runs the experiment that the command line asks for."""
    parser = experiment.new_parser(__doc__, SETTINGS)
    parser.add_argument("--input", type=pathlib.Path, help="census-income.test.gz")
    names = [each.name for each in models.balancings(["a"], 1)]
    parser.add_argument(
        "--balancings",
        nargs="+",
        choices=names,
        default=names,
        metavar="NAME",
        help=f"those to train beside `fixed`, of {', '.join(names)} (default: all)",
    )
    options = experiment.parse(parser, SETTINGS)
    scores = experiment.Table("balancing")
    for seed in options.seeds:
        train_on_funnel(options, seed, scores)
    if options.input:
        train_on_census(options, scores)
    scores.write(options.output, "balancing")
    draw(options.output, scores)
    costs = experiment.Table("balancing", digits=2)
    for seed in options.seeds:
        measure_costs(options, seed, costs)
    costs.write(options.output, "balancing_cost")


def chosen(
    options: argparse.Namespace, tasks: Sequence[str], epoch_rows: int
) -> list[models.Balancing]:
    """The balancings that are asked for, `fixed` first."""
    known = models.balancings(tasks, epoch_rows)
    return [known[0], *(each for each in known[1:] if each.name in options.balancings)]


def train_on_funnel(options: argparse.Namespace, seed: int, scores: experiment.Table) -> None:
    """Trains with every balancing on one log, and measures on another of the same world."""
    setting = options.setting
    train, test = make_frames(setting, seed)
    for each in chosen(options, list(models.FUNNEL_TASKS), len(train)):
        overrides = {
            **models.funnel_overrides(setting.sizes, each.first_weight),
            "model_config.balancing": each.message(),
        }
        text = funnel_text(setting)
        name = f"funnel · {each.name}"
        with experiment.train(name, text, train, test, seed=seed, overrides=overrides) as run:
            add(scores, each.name, "funnel", run.metrics, list(models.FUNNEL_TASKS))


def make_frames(setting: Setting, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to train and to measure on."""
    log = make_log(setting.rows + setting.test_rows, seed, CORRELATION)[0].to_pandas()
    return log[: setting.rows], log[setting.rows :].reset_index(drop=True)


def funnel_text(setting: Setting) -> str:
    """The config of the funnel's model."""
    return models.funnel_text(
        setting.sizes,
        passes=setting.passes,
        batch_size=setting.batch_size,
        learning_rate=setting.learning_rate,
    )


def train_on_census(options: argparse.Namespace, scores: experiment.Table) -> None:
    """Trains with every balancing on income and marital status, and measures on test rows."""
    group = census.GROUPS[0]
    train, _, test = census.read_parts(options.input, group)
    for seed in options.seeds:
        for each in chosen(options, group.tasks, len(train)):
            name = f"census · {each.name}"
            overrides = census_overrides(options.setting, group, len(train), each)
            text = group.config()
            with experiment.train(name, text, train, test, seed=seed, overrides=overrides) as run:
                add(scores, each.name, "census", run.metrics, group.tasks)


def census_overrides(
    setting: Setting, group: census.Group, rows: int, balancing: models.Balancing
) -> dict[str, Any]:
    """What is changed in the sample's config: the model, and that there is one evaluation."""
    rate = "train_config.optimizer_config[0].adam_optimizer.learning_rate"
    epoch = math.ceil(rows / setting.batch_size)
    return {
        **models.census_overrides(setting.width, group.tasks, balancing.first_weight),
        "model_config.balancing": balancing.message(),
        f"{rate}.exponential_decay_learning_rate": (
            f"{{ initial_learning_rate: 0.01 decay_steps: {epoch} decay_factor: 0.5 }}"
        ),
        "train_config.save_checkpoints_steps": 10**9,
        "data_config.batch_size": setting.batch_size,
        "data_config.num_epochs": setting.passes,
    }


def add(
    scores: experiment.Table,
    row: str,
    data: str,
    metrics: Mapping[str, float],
    tasks: Sequence[str],
) -> None:
    """Adds the AUC of each task, and their mean."""
    for task in tasks:
        scores.add(row, f"{data}: {task}", metrics[f"auc_{task}"])
    scores.add(row, f"{data}: mean", sum(metrics[f"auc_{task}"] for task in tasks) / len(tasks))


def measure_costs(options: argparse.Namespace, seed: int, costs: experiment.Table) -> None:
    """Measures the steps of every balancing on one batch of the funnel, in turns."""
    setting = options.setting
    train, _ = make_frames(dataclasses.replace(setting, rows=setting.batch_size, test_rows=1), seed)
    steps = {}
    for each in chosen(options, list(models.FUNNEL_TASKS), setting.rows):
        for level in LEVELS if each.compares else LEVELS[:1]:
            message = each.message(at_parameters=level == "parameters")
            column = level if each.compares else "losses alone"
            steps[each.name, column] = new_step(setting, seed, train, message)
    best = dict.fromkeys(steps, math.inf)
    for _ in range(setting.measurements):
        for key, step in steps.items():
            best[key] = min(best[key], seconds(step, setting.timed_steps))
    fixed = best["fixed", "losses alone"]
    for (name, column), each in best.items():
        costs.add(name, column, each / fixed)


def new_step(setting: Setting, seed: int, frame: pd.DataFrame, balancing: str) -> Callable[[], Any]:
    """A training step of a new model on the rows of a frame, whose graph is made."""
    import tempfile

    from tfmtl.training.batches import step_function
    from tfmtl.training.build import build_model, open_training
    from tfmtl.training.optimizers import build_optimizers

    with tempfile.TemporaryDirectory(prefix="tfmtl-papers-") as folder:
        path = pathlib.Path(folder, "pipeline.config")
        path.write_text(funnel_text(setting), encoding="utf-8")
        overrides = {
            **models.funnel_overrides(setting.sizes),
            "model_dir": folder,
            "train_config.seed": seed,
            "model_config.balancing": balancing,
        }
        pipeline = tfmtl.load_config(path, overrides)
    columns, model = build_model(pipeline)
    model.compile(build_optimizers(pipeline.train_config))
    batches = open_training(pipeline, columns, model, frame)
    dataset = batches.dataset(epochs=1)
    batch = next(batches.read(dataset))
    step = step_function(model.train_step, dataset.element_spec)
    step(batch)
    return lambda: step(batch)


def seconds(step: Callable[[], Any], count: int) -> float:
    """The time of some steps."""
    start = time.perf_counter()
    for _ in range(count):
        losses = step()
    float(losses["loss"])  # It is there once the step is over.
    return time.perf_counter() - start


def draw(folder: pathlib.Path, scores: experiment.Table) -> None:
    """The mean AUC of the tasks by balancing, as differences from `fixed` with the same seed."""
    columns = [column for column in scores.columns if column.endswith(": mean")]
    size = (3.4, 0.25 * len(scores.rows) + 1.2)
    with experiment.picture(folder, "balancing", len(columns), size) as panels:
        for axes, column in zip(panels if len(columns) > 1 else [panels], columns, strict=True):
            fixed = scores.values("fixed", column)
            for row in scores.rows:
                pairs = zip(scores.values(row, column), fixed, strict=True)
                differences = [value - base for value, base in pairs]
                axes.plot(sum(differences) / len(differences), row, "o", color="C0")
                axes.plot(differences, [row] * len(differences), "|", color="gray")
            axes.axvline(0.0, color="0.6", linestyle=":")
            axes.set(title=column, xlabel="AUC above `fixed`")
        (panels if len(columns) > 1 else [panels])[0].invert_yaxis()


if __name__ == "__main__":
    main()
