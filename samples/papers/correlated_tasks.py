"""How sharing copes with tasks that are less and less related, on data of a chosen correlation.

    python samples/papers/correlated_tasks.py --output results

trains Shared-Bottom, OMoE, MMoE and PLE, all of the same number of parameters, on two regressions
whose weights have the cosine p, for several p. Writes

    label_correlation    the correlation of the two labels against p (MMoE paper, figure 2)
    loss_curves          the training loss over the steps at three p (MMoE paper, figure 4)
    loss_by_cosine       the loss on fresh rows against p (PLE paper, figure 8)
    parameters           the widths, and the numbers of parameters

as tables and pictures. `correlated_tasks.md` has the results.

References:
    Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate
    Mixture-of-Experts", KDD 2018, https://doi.org/10.1145/3219819.3220007, section 3
    Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for
    Personalized Recommendations", RecSys 2020, https://doi.org/10.1145/3383313.3412236, section 5.2
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import pathlib
import sys
from collections.abc import Iterator

import correlated_data as data
import experiment
import numpy as np
import pandas as pd
from correlated_models import (
    ARCHITECTURES,
    Sizes,
    config_text,
    equal_width,
    num_parameters,
)

NAMES = {"shared_bottom": "Shared-Bottom", "omoe": "OMoE", "mmoe": "MMoE", "ple": "PLE"}
COLORS = {"shared_bottom": "C7", "omoe": "C2", "mmoe": "C0", "ple": "C3"}
CURVE_COSINES = (0.5, 0.9, 1.0)
SMOOTHED_POINTS = 5  # Training losses that make one point of a curve.

Curve = list[tuple[int, float]]  # Steps, and the losses at them.
Curves = dict[tuple[str, float], list[Curve]]  # By architecture and cosine, one for each seed.


@dataclasses.dataclass(frozen=True)
class Setting:
    """How large the experiment is.

    Args:
        sizes: Those of the networks.
        cosines: The values of p.
        steps: Steps of a training. Every row is seen once.
        batch_size: Rows of a step.
        learning_rate: Adam's.
        eval_rows: Fresh rows on which the loss is measured.
        seeds: How many seeds by default. A seed has directions u_1 and u_2, rows and initial
            weights of its own; the directions and rows are the same for all architectures.
    """

    sizes: Sizes
    cosines: tuple[float, ...]
    steps: int
    batch_size: int
    learning_rate: float
    eval_rows: int
    seeds: int


SETTINGS = {
    "small": Setting(
        Sizes(dimensions=32), (0.0, 0.25, 0.5, 0.75, 0.9, 1.0), 400, 512, 0.01, 8192, seeds=3
    ),
    "paper": Setting(
        Sizes(dimensions=100),
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        2000,
        512,
        0.003,
        32768,
        seeds=20,
    ),
    "tiny": Setting(
        Sizes(dimensions=9, expert_units=5, tower_units=3),
        (0.5, 1.0),
        20,
        32,
        0.01,
        64,
        seeds=1,
    ),
}


def main() -> int:
    """Runs the experiment that the command line asks for."""
    options = experiment.parse(experiment.new_parser(__doc__, SETTINGS), SETTINGS)
    write_parameters(options.setting.sizes, options.output)
    write_correlations(options)
    losses, curves = train_all(options)
    write_losses(losses, options)
    write_curves(curves, options)
    return 0


def write_parameters(sizes: Sizes, output: pathlib.Path) -> None:
    """Tells the width of every architecture and what it makes."""
    table = experiment.Table("architecture", digits=0)
    for architecture in ARCHITECTURES:
        width = equal_width(architecture, sizes)
        table.add(NAMES[architecture], "width", width)
        table.add(NAMES[architecture], "parameters", num_parameters(architecture, sizes, width))
    table.write(output, "parameters")


def write_correlations(options: argparse.Namespace) -> None:
    """Measures the labels' correlation at many cosines; needs no training."""
    table = experiment.Table("p")
    cosines = np.linspace(0.0, 1.0, 21)
    for cosine, seed in itertools.product(cosines, options.seeds):
        frame = next(make_frames(options.setting, cosine, seed))
        table.add(f"{cosine:.2f}", "correlation of the labels", data.label_correlation(frame))
    table.write(options.output, "label_correlation")
    (column,) = table.columns
    with experiment.picture(options.output, "label_correlation") as axes:
        axes.errorbar(
            cosines, table.means(column), table.deviations(column), fmt="o-", markersize=3
        )
        axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
        axes.set(xlabel="cosine p of the weights", ylabel=column)


def make_frames(setting: Setting, cosine: float, seed: int) -> Iterator[pd.DataFrame]:
    """Makes rows to measure on, then rows to train on."""
    random = np.random.default_rng(seed)
    units = data.orthogonal_units(random, setting.sizes.dimensions)
    weights = data.task_weights(units, cosine)
    yield data.make_frame(random, weights, setting.eval_rows)
    yield data.make_frame(random, weights, setting.steps * setting.batch_size)


def train_all(options: argparse.Namespace) -> tuple[experiment.Table, Curves]:
    """Trains every architecture at every cosine with every seed.

    Returns:
        The losses on fresh rows by architecture and cosine, and the curves of the training losses.
        A loss is the mean of the two tasks' mean squared errors.
    """
    setting, curves = options.setting, {}
    losses = experiment.Table("architecture")
    for cosine, seed in itertools.product(setting.cosines, options.seeds):
        fresh, rows = make_frames(setting, cosine, seed)
        for architecture in ARCHITECTURES:
            config = config_text(
                architecture,
                setting.sizes,
                steps=setting.steps,
                batch_size=setting.batch_size,
                learning_rate=setting.learning_rate,
            )
            with experiment.train(
                f"{architecture}, p = {cosine}", config, rows, fresh, seed=seed
            ) as run:
                check_size(architecture, setting.sizes, run.num_parameters)
                losses.add(NAMES[architecture], f"p = {cosine}", run.metrics["loss"] / 2)
                curve = [(step, loss / 2) for step, loss in run.curve("loss", "train")]
                curves.setdefault((architecture, cosine), []).append(curve)
    return losses, curves


def check_size(architecture: str, sizes: Sizes, received: int) -> None:
    """Checks that a network has the size that the formula says."""
    expected = num_parameters(architecture, sizes, equal_width(architecture, sizes))
    if received != expected:
        raise ValueError(
            f"`{architecture}` should have {expected} parameters. Received: {received}."
        )


def write_losses(losses: experiment.Table, options: argparse.Namespace) -> None:
    """Shows the losses on fresh rows."""
    losses.write(options.output, "loss_by_cosine")
    cosines = options.setting.cosines
    with experiment.picture(options.output, "loss_by_cosine") as axes:
        for architecture in ARCHITECTURES:
            row = NAMES[architecture]
            axes.errorbar(
                cosines,
                [losses.mean(row, f"p = {cosine}") for cosine in cosines],
                [losses.deviation(row, f"p = {cosine}") for cosine in cosines],
                fmt="o-",
                markersize=3,
                capsize=2,
                color=COLORS[architecture],
                label=row,
            )
        axes.axhline(data.NOISE_VARIANCE, color="0.7", linestyle=":", label="noise")
        axes.set(xlabel="cosine p of the weights", ylabel="loss on fresh rows", ylim=(0, None))
        axes.legend(frameon=False)


def write_curves(curves: Curves, options: argparse.Namespace) -> None:
    """Shows the training losses over the steps, as means over the seeds."""
    table = experiment.Table("p", "step")
    cosines = [cosine for cosine in CURVE_COSINES if cosine in options.setting.cosines]
    panels = len(cosines)
    with experiment.picture(options.output, "loss_curves", panels, size=(3.2, 3.4)) as all_axes:
        for axes, cosine in zip(all_axes, cosines, strict=True):
            for architecture in ("shared_bottom", "omoe", "mmoe"):
                runs = [smooth(curve) for curve in curves[architecture, cosine]]
                for step, loss in itertools.chain(*runs):
                    table.add((str(cosine), f"{step:,}"), NAMES[architecture], loss)
                steps, losses = np.array(runs).mean(axis=0).T
                axes.plot(steps, losses, color=COLORS[architecture], label=NAMES[architecture])
            axes.set(title=f"p = {cosine}", xlabel="step", yscale="log")
        all_axes[0].set_ylabel("training loss")
        all_axes[0].yaxis.set_major_formatter("{x:g}")
        all_axes[-1].legend(frameon=False)
    table.write(options.output, "loss_curves")


def smooth(curve: Curve) -> Curve:
    """A curve with the mean of several points for each of them, at the last one's step."""
    parts = [curve[at : at + SMOOTHED_POINTS] for at in range(0, len(curve), SMOOTHED_POINTS)]
    return [(part[-1][0], float(np.mean([loss for _, loss in part]))) for part in parts]


if __name__ == "__main__":
    sys.exit(main())
