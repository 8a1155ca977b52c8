"""Ways to learn conversion from clicks, measured where the true probabilities are known.

    python samples/papers/funnel.py --output results

trains the methods that the ESMM paper compares, and ESM², on a made-up log of clicks, carts and
purchases, and measures p(buy given click) on clicked rows and on all rows: of rows nobody clicked,
too, the log tells how likely they would have been bought. Writes

    funnel               AUCs, and distances from the true probabilities, by method
    funnel_auc           the AUCs of pCVR; a picture
    funnel_reliability   the true pCVR against the predicted one, on clicked and on all rows; table
                         and picture

`funnel.md` has the results.

References:
    Ma et al., "Entire Space Multi-Task Model: An Effective Approach for Estimating Post-Click
    Conversion Rate", SIGIR 2018, https://arxiv.org/abs/1804.07931, section 3
    Wen et al., "Entire Space Multi-Task Modeling via Post-Click Behavior Decomposition for
    Conversion Rate Prediction", SIGIR 2020, https://arxiv.org/abs/1910.07099, section 4
"""

from __future__ import annotations

import dataclasses
import pathlib
import sys

import experiment
import funnel_models as models
import numpy as np
import pandas as pd

from tfmtl.data import read_frame

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from make_funnel_log import expected_auc, make_log  # noqa: E402

ROWS_AT_ONCE = 65_536
BINS = 10
LEAST_DRAWN = 3e-4  # Some methods predict far smaller probabilities, which would flatten the rest.
SPACES = ("clicked rows", "all rows")


@dataclasses.dataclass(frozen=True)
class Setting:
    """How large the experiment is.

    Args:
        sizes: Those of the networks.
        rows: Impressions to train on.
        test_rows: Impressions to measure on.
        passes: Times that all rows are read, by methods that see all of them.
        click_passes: Times that clicked rows are read, by methods that see nothing else.
        batch_size: Rows of a step; half as many where there are clicked rows alone.
        learning_rate: Adam's.
        rates: The rates of AMAN.
        factors: The factors of oversampling.
        seeds: How many seeds by default. A seed has users, items, rows and initial weights of its
            own; the log is the same for all methods.
    """

    sizes: models.Sizes
    rows: int
    test_rows: int
    passes: int
    click_passes: int
    batch_size: int
    learning_rate: float
    rates: tuple[float, ...]
    factors: tuple[int, ...]
    seeds: int

    def methods(self) -> list[models.Method]:
        """What is compared."""
        aman = [models.aman(rate) for rate in self.rates]
        oversampling = [models.oversampling(factor) for factor in self.factors]
        return [models.BASE, *aman, *oversampling, models.UNBIASED, *models.JOINT]


SETTINGS = {
    "small": Setting(
        models.Sizes(8, (64, 32)), 240_000, 60_000, 2, 5, 512, 0.003, (0.1, 0.5, 1.0), (2, 5), 3
    ),
    "paper": Setting(
        models.Sizes(18, (360, 200, 80)),
        *(8_000_000, 200_000, 1, 1, 1024, 0.001),
        *((0.1, 0.2, 0.5, 1.0), (2, 3, 5, 10), 10),
    ),
    "tiny": Setting(models.Sizes(3, (5,)), 3_000, 1_000, 1, 1, 256, 0.01, (0.5,), (2,), 1),
}
CORRELATION = 0.6  # Of what is clicked with what is bought.


def main() -> int:
    """Runs the experiment that the command line asks for."""
    options = experiment.parse(experiment.new_parser(__doc__, SETTINGS), SETTINGS)
    table = experiment.Table("method", digits=3)
    reliability = experiment.Table("method", "space", "tenth")
    for seed in options.seeds:
        measure_all(options.setting, seed, table, reliability)
    table.write(options.output, "funnel")
    reliability.write(options.output, "funnel_reliability")
    draw_aucs(table, options.output)
    draw_reliability(reliability, drawn_methods(options.setting), options.output)
    return 0


def drawn_methods(setting: Setting) -> list[str]:
    """The methods of the picture: of AMAN and oversampling those with the most rows."""
    extremes = [models.aman(max(setting.rates)), models.oversampling(max(setting.factors))]
    return [method.name for method in (models.BASE, *extremes, models.UNBIASED, *models.JOINT)]


def measure_all(
    setting: Setting, seed: int, table: experiment.Table, reliability: experiment.Table
) -> None:
    """Trains all methods on one log, and measures them on another of the same world."""
    log = make_log(setting.rows + setting.test_rows, seed, CORRELATION)[0].to_pandas()
    train, test = log[: setting.rows], log[setting.rows :].reset_index(drop=True)
    measure(table, "truth", test, test["true_pcvr"], test["true_pctcvr"])
    propensity, click = answers_of(models.CLICK, setting, seed, train, test, [train, test])
    train = train.assign(**{models.PROPENSITY: propensity[models.PROPENSITY]})
    for method in setting.methods():
        rows = train[train["click"] > 0] if method.of_clicks else train
        (answers,) = answers_of(method, setting, seed, rows, test, [test])
        conversion = models.conversion(answers)
        measure(table, method.name, test, conversion, models.product(answers, click["probs_ctr"]))
        if "y_cvr_clipped" in answers:
            table.add(method.name, "clipped", answers["y_cvr_clipped"].mean())
        add_reliability(reliability, method.name, test, conversion)


def answers_of(
    method: models.Method,
    setting: Setting,
    seed: int,
    train: pd.DataFrame,
    test: pd.DataFrame,
    asked: list[pd.DataFrame],
) -> list[dict[str, np.ndarray]]:
    """Trains a method, and lets it answer for some frames."""
    text = models.config_text(
        method,
        setting.sizes,
        passes=passes_of(method, setting, train),
        batch_size=setting.batch_size // 2 if method.of_clicks else setting.batch_size,
        learning_rate=setting.learning_rate,
    )
    with experiment.train(method.name, text, train, test, seed=seed) as run:
        return [answer(run, frame) for frame in asked]


def passes_of(method: models.Method, setting: Setting, train: pd.DataFrame) -> int:
    """How often the sampled rows are read.

    The fewer unclicked rows there are, the oftener. Rejection leaves a share of the rows, which is
    drawn anew every time: it is read so often that there are as many steps as without.
    """
    if method is models.UNBIASED:
        least = models.MIN_PROPENSITY
        share = (least / np.maximum(train[models.PROPENSITY], least)).mean()
        return round(setting.click_passes / share)
    return round(setting.click_passes + method.rate * (setting.passes - setting.click_passes))


def answer(run: experiment.Run, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """What a trained model predicts, (rows,) of each output."""
    training, data_config = run.training, run.pipeline.data_config
    raw = read_frame(data_config, frame, training.columns.raw_columns)
    parts: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(frame), ROWS_AT_ONCE):
        part = {name: cells[start : start + ROWS_AT_ONCE] for name, cells in raw.items()}
        logits = training.model.network(training.columns.encode(part), training=False)
        for task in training.tasks:
            for name, values in task.predictions(logits[task.name]).items():
                parts.setdefault(name, []).append(values.numpy())
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def measure(
    table: experiment.Table,
    name: str,
    test: pd.DataFrame,
    conversion: np.ndarray,
    product: np.ndarray,
) -> None:
    """Adds what is measured of a method to the table.

    The AUCs are expectations over all labels that the truth might have drawn, and so need no
    conversions of rows that nobody clicked.
    """
    conversion, truth = np.float64(conversion), np.float64(test["true_pcvr"])
    clicked = test["click"].to_numpy() > 0
    table.add(name, "AUC pCVR, clicks", expected_auc(conversion[clicked], truth[clicked]))
    table.add(name, "AUC pCVR, all", expected_auc(conversion, truth))
    table.add(
        name, "AUC pCTCVR", expected_auc(np.float64(product), np.float64(test["true_pctcvr"]))
    )
    table.add(name, "predicted / true, clicks", conversion[clicked].mean() / truth[clicked].mean())
    table.add(name, "predicted / true, all", conversion.mean() / truth.mean())
    table.add(name, "error, all", np.abs(conversion - truth).mean())
    table.add(name, "divergence, all", divergence(truth, conversion))


def divergence(truth: np.ndarray, predicted: np.ndarray) -> float:
    """The log loss beyond that of the truth itself: Kullback-Leibler, in nats a row."""
    truth, predicted = (np.clip(values, 1e-7, 1 - 1e-7) for values in (truth, predicted))
    of_buy = truth * np.log(truth / predicted)
    return float((of_buy + (1 - truth) * np.log((1 - truth) / (1 - predicted))).mean())


def add_reliability(
    table: experiment.Table, name: str, test: pd.DataFrame, predicted: np.ndarray
) -> None:
    """Adds the mean predicted and true pCVR of each tenth of the rows, ordered by the predicted."""
    truth, clicked = np.float64(test["true_pcvr"]), test["click"].to_numpy() > 0
    for space, inside in zip(SPACES, (clicked, np.ones_like(clicked)), strict=True):
        order = np.argsort(predicted[inside], kind="stable")
        for number, rows in enumerate(np.array_split(order, BINS), start=1):
            table.add((name, space, str(number)), "predicted", predicted[inside][rows].mean())
            table.add((name, space, str(number)), "true", truth[inside][rows].mean())


def draw_aucs(table: experiment.Table, folder: pathlib.Path) -> None:
    """Draws the AUCs of pCVR by method, and the best there can be."""
    names = table.rows[1:]
    with experiment.picture(folder, "funnel_auc", size=(7.2, 3.8)) as axes:
        for shift, space, color in ((-0.2, "clicks", "C0"), (0.2, "all", "C1")):
            column = f"AUC pCVR, {space}"
            heights = [table.mean(name, column) for name in names]
            errors = [table.deviation(name, column) for name in names]
            places = np.arange(len(names)) + shift
            label = f"{space} (best possible {table.mean('truth', column):.3f})"
            axes.bar(places, heights, 0.38, yerr=errors, capsize=2, color=color, label=label)
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
        axes.set(ylabel="AUC of pCVR", ylim=(0.5, None))
        axes.legend(frameon=False, loc="upper left")


def draw_reliability(table: experiment.Table, names: list[str], folder: pathlib.Path) -> None:
    """Draws the true pCVR against the predicted one."""
    panels = experiment.picture(folder, "funnel_reliability", len(SPACES), size=(4.2, 4.0))
    with panels as all_axes:
        for axes, space in zip(all_axes, SPACES, strict=True):
            for place, name in enumerate(names):
                bins = [(name, space, str(number)) for number in range(1, BINS + 1)]
                points = [[table.mean(row, c) for row in bins] for c in ("predicted", "true")]
                axes.plot(*points, "o-", markersize=3, linewidth=1, color=f"C{place}", label=name)
            axes.axline((0.1, 0.1), (0.2, 0.2), color="0.6", linestyle=":")
            axes.set(title=space, xlabel="predicted pCVR", xscale="log", yscale="log")
            axes.set_xlim(LEAST_DRAWN, 1.2)
        all_axes[0].set_ylabel("true pCVR")
        all_axes[-1].legend(frameon=False, fontsize="small")


if __name__ == "__main__":
    sys.exit(main())
