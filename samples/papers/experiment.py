"""What the experiments share: a command line, trainings on DataFrames, tables and pictures.

An experiment is a script that trains several configs with several seeds each:

    SETTINGS = {"small": Setting(rows=20_000, seeds=3), "tiny": Setting(rows=500, seeds=2)}

    options = experiment.parse(experiment.new_parser(__doc__, SETTINGS), SETTINGS)
    table = experiment.Table("architecture")
    for name, seed in itertools.product(ARCHITECTURES, options.seeds):
        train, test = make_data(options.setting, seed)
        with experiment.train(name, config_text(name), train, test, seed=seed) as run:
            table.add(name, "loss", run.metrics["loss"])
    table.write(options.output, "losses")
    with experiment.picture(options.output, "losses") as axes:
        axes.bar(table.rows, table.means("loss"), yerr=table.deviations("loss"))

It is run as a file, `python samples/papers/<experiment>.py --output FOLDER`, and so finds this one
beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import importlib.util
import math
import os
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # Read when TensorFlow is loaded.

import tfmtl  # noqa: E402

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from tfmtl.protos.pipeline_pb2 import Pipeline
    from tfmtl.training import Training

Row = str | tuple[str, ...]


# The command line.


def new_parser(description: str, settings: Mapping[str, Any]) -> argparse.ArgumentParser:
    """A parser of the options that all experiments have; `parse` uses it.

    Args:
        description: The experiment's docstring, whose first line is told.
        settings: The settings by name, `small` and others. Each has an attribute `seeds`: how many
            seeds it takes by default.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument(
        "--setting", choices=list(settings), default="small", help="how large (default: small)"
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="trainings of each kind")
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        required=True,
        metavar="FOLDER",
        help="where the tables and pictures go",
    )
    return parser


def parse(parser: argparse.ArgumentParser, settings: Mapping[str, Any]) -> argparse.Namespace:
    """Reads the command line, and makes the output folder.

    Returns:
        `setting`, the object of `settings`; `seeds`, a list of them; `output`, the folder; and what
        else the parser was told to take.
    """
    options = parser.parse_args()
    options.setting = settings[options.setting]
    count = options.setting.seeds if options.seeds is None else options.seeds
    if count < 1:
        parser.error(f"--seeds should be at least 1. Received: {count}.")
    if importlib.util.find_spec("matplotlib") is None:
        parser.error('the pictures need matplotlib: pip install -e ".[papers]".')
    options.seeds = list(range(1, count + 1))
    options.output.mkdir(parents=True, exist_ok=True)
    print(options.setting, f"with seeds {options.seeds}", flush=True)
    return options


# Training.


@dataclasses.dataclass(frozen=True)
class Run:
    """A training that has ended. Its `model_dir` lasts as long as the `with` it is used in.

    Args:
        pipeline: The config as it was trained; `tfmtl.evaluate(run.pipeline, frame)` measures it.
        training: The model, its columns, its last evaluation.
    """

    pipeline: Pipeline
    training: Training

    @property
    def metrics(self) -> dict[str, Any]:
        """The last evaluation: `loss`, `loss_<task>` and the tasks' metrics."""
        return self.training.metrics or {}

    @property
    def num_parameters(self) -> int:
        """How many numbers were trained."""
        weights = self.training.model.network.trainable_weights
        return sum(weight.shape.num_elements() for weight in weights)

    def curve(self, name: str, kind: str = "eval_val") -> list[tuple[int, float]]:
        """The course of a scalar, (step, value): what TensorBoard would show.

        Args:
            name: `loss`, `auc_ctr` and the like.
            kind: `eval_val`, the evaluations after every `save_checkpoints_steps`; or `train`, the
                losses of training batches at every `save_summary_steps`.
        """
        points = _read_scalars(pathlib.Path(self.pipeline.model_dir, kind), name)
        return sorted(points)


@contextlib.contextmanager
def train(
    name: str,
    config: str | pathlib.Path,
    train_frame: pd.DataFrame,
    eval_frame: pd.DataFrame,
    *,
    seed: int,
    overrides: Mapping[str, Any] | None = None,
) -> Iterator[Run]:
    """Trains a config in a directory that is gone afterwards, and says so in one line.

    Nothing is exported. The checkpoint of the best `best_exporter_metric` is kept, as
    `tfmtl.evaluate(run.pipeline, frame, checkpoint="best")` wants it.

    Args:
        name: What the line calls it.
        config: A config's text, or the path of a file.
        train_frame: Rows to train on.
        eval_frame: Rows to evaluate on.
        seed: Seed of initial values, shuffling and dropout.
        overrides: Values of the config's fields, `{"train_config.num_steps": 50}`.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tfmtl-papers-") as folder:
        path = pathlib.Path(config) if isinstance(config, pathlib.Path) else _save(config, folder)
        own = {
            "model_dir": str(pathlib.Path(folder, "model")),
            "train_config.seed": seed,
            "train_config.keep_checkpoint_max": 1,
            "export_config.exporter_type": "none",
        }
        pipeline = tfmtl.load_config(path, {**own, **(overrides or {})})
        training = tfmtl.train(pipeline, train_frame, eval_frame)
        if training.interrupted:
            raise KeyboardInterrupt
        run = Run(pipeline, training)
        seconds = time.monotonic() - started
        loss = f"loss {run.metrics['loss']:.4g}"
        steps = f"{training.global_step:,} steps"
        print(f"{name} · seed {seed} · {steps} · {seconds:.0f} s · {loss}", flush=True)
        yield run


def _save(text: str, folder: str) -> pathlib.Path:
    path = pathlib.Path(folder, "pipeline.config")
    path.write_text(text, encoding="utf-8")
    return path


def _read_scalars(folder: pathlib.Path, name: str) -> Iterator[tuple[int, float]]:
    import tensorflow as tf

    for path in folder.glob("events.out.tfevents.*"):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                if value.tag == name:
                    yield event.step, float(tf.make_ndarray(value.tensor))


# Results.


class Table:
    """Numbers by row and column, several of each: one for every seed.

    Shown as mean ± standard deviation. The deviation is that of a sample, √(Σ(x − mean)²/(n − 1));
    a single number has none.

    Args:
        *keys: What the rows are called by: `Table("architecture")`, or `Table("architecture",
            "task")` for rows that are pairs.
        digits: Digits after the point.
    """

    def __init__(self, *keys: str, digits: int = 4) -> None:
        self._keys = keys
        self._digits = digits
        self._values: dict[tuple[Row, str], list[float]] = {}

    def add(self, row: Row, column: str, value: float) -> None:
        """Adds a number, of one seed."""
        self._values.setdefault((row, column), []).append(float(value))

    @property
    def rows(self) -> list[Row]:
        """The rows, in the order in which they came."""
        return list(dict.fromkeys(row for row, _ in self._values))

    @property
    def columns(self) -> list[str]:
        """The columns, in the order in which they came."""
        return list(dict.fromkeys(column for _, column in self._values))

    def values(self, row: Row, column: str) -> list[float]:
        """The numbers of a cell, in the order in which they came."""
        return self._values.get((row, column), [])

    def mean(self, row: Row, column: str) -> float:
        """The mean of a cell; NaN of an empty one."""
        values = self.values(row, column)
        return statistics.fmean(values) if values else math.nan

    def deviation(self, row: Row, column: str) -> float:
        """The standard deviation of a cell; 0 of a single number, as error bars need one."""
        values = self.values(row, column)
        return statistics.stdev(values) if len(values) > 1 else 0.0

    def means(self, column: str) -> list[float]:
        """The means of a column, row by row."""
        return [self.mean(row, column) for row in self.rows]

    def deviations(self, column: str) -> list[float]:
        """The standard deviations of a column, row by row."""
        return [self.deviation(row, column) for row in self.rows]

    def markdown(self) -> str:
        """The table in Markdown."""
        lines = [
            [*self._keys, *self.columns],
            ["---"] * len(self._keys) + ["--:"] * len(self.columns),
        ]
        for row in self.rows:
            lines.append([*_parts(row), *(self._cell(row, column) for column in self.columns)])
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def write(self, folder: pathlib.Path, name: str) -> None:
        """Prints the table, and writes it as `<name>.md` and `<name>.csv`.

        The CSV file has a line for each cell: the row's keys, `column`, `mean`, `std` (empty for a
        single number) and `runs`.
        """
        text = self.markdown()
        print(f"\n{name}\n\n{text}", flush=True)
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*self._keys, "column", "mean", "std", "runs"])
            for row, column in self._values:
                runs = len(self.values(row, column))
                std = self.deviation(row, column) if runs > 1 else ""
                writer.writerow([*_parts(row), column, self.mean(row, column), std, runs])

    def _cell(self, row: Row, column: str) -> str:
        values = self.values(row, column)
        if not values:
            return "–"
        mean = f"{self.mean(row, column):.{self._digits}f}"
        if len(values) == 1:
            return mean
        return f"{mean} ± {self.deviation(row, column):.{self._digits}f}"


def _parts(row: Row) -> tuple[str, ...]:
    return row if isinstance(row, tuple) else (row,)


@contextlib.contextmanager
def picture(
    folder: pathlib.Path, name: str, panels: int = 1, size: tuple[float, float] = (5.0, 3.6)
) -> Iterator[Any]:
    """Draws `<name>.png`.

    Args:
        folder: Where it goes.
        name: Its name.
        panels: Axes side by side, with a common y axis.
        size: Width and height of each, in inches.

    Returns:
        Matplotlib's axes; a list of them if there are several panels.
    """
    figure = _new_figure(panels * size[0], size[1])
    axes = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.grid(axis="y", alpha=0.3)
        each.set_axisbelow(True)
    yield axes[0] if panels == 1 else list(axes)
    figure.savefig(folder / f"{name}.png", dpi=100)
    print(f"Wrote {folder / name}.png", file=sys.stderr, flush=True)


def _new_figure(width: float, height: float) -> Figure:
    # Without pyplot, whose figures belong to a window system and stay in memory.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
