"""Rules of calibration: shares of negatives that were kept, and calibrators of the export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfmtl.config.calibrations import (
    TEMPERATURE,
    calibratable_tasks,
    class_tasks,
    is_binary,
)
from tfmtl.config.funnels import Funnel, funnel_of
from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_at_least, chosen
from tfmtl.config.rules.metrics import MOST_BINS
from tfmtl.config.views import PlacedTower, Tower, architecture, placed_towers
from tfmtl.config.wording import Word
from tfmtl.protos import calibration_pb2, pipeline_pb2

_RATE = "negative_sampling_rate"
_PATH = "export_config.calibration"


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Rates are of tasks that can be put right, and calibrators of tasks that can be calibrated."""
    funnel, bins = funnel_of(pipeline), pipeline.eval_config.reliability_bins
    if bins > MOST_BINS:
        report.should("eval_config.reliability_bins", f"be from 0 to {MOST_BINS}", bins)
    if funnel is not None and (funnel.circle or len(funnel.roots) != 1):
        return  # Its tasks are not known; that is told already.
    placed = placed_towers(pipeline)
    for each in placed:
        _check_rate(each, placed, funnel, pipeline, report)
    if funnel is not None:
        _check_shared_rates(funnel, {each.tower.tower_name: each for each in placed}, report)
    if placed:
        _check_calibrations(pipeline, report)


def _check_rate(
    it: PlacedTower,
    placed: Sequence[PlacedTower],
    funnel: Funnel | None,
    pipeline: pipeline_pb2.Pipeline,
    report: Report,
) -> None:
    (path, tower), of = it, f"tower `{it.tower.tower_name}`"
    rate = tower.negative_sampling_rate
    if not 0 < rate <= 1:
        report.should(f"{path}.{_RATE}", "be above 0 and at most 1", rate, of=of)
    elif why := _why_not(tower, architecture(pipeline), placed[-1].tower, funnel):
        if rate != 1:
            report.should(f"{path}.{_RATE}", f"be 1 {why}", rate, of=of)
    elif rate == 1:
        _warn_of_sampling(it, pipeline, report)


def _why_not(tower: Tower, name: str, last: Tower, funnel: Funnel | None) -> str:
    """What keeps a tower from being put right by a rate of its own; "" for nothing.

    Args:
        tower: The tower.
        name: The architecture.
        last: Its last tower.
        funnel: The funnel it is in, if there is one.
    """
    if not is_binary(tower):
        return "for a task that is not binary"
    if name == "division":
        return "in division, where one model's negatives are among the other's"
    is_conditional = funnel is not None and funnel.is_conditional(tower.tower_name)
    if is_conditional or (name == "esmm" and tower.tower_name == last.tower_name):
        return "for a step after the first, of whose rows all are kept"
    return ""


def _warn_of_sampling(placed: PlacedTower, pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Tells of probabilities that the config's own sampling makes too large."""
    data, (path, tower) = pipeline.data_config, placed
    sampling = data.undersampling
    if not data.HasField("undersampling") or sampling.label_name != tower.label_name:
        return
    if 0 < sampling.rate < 1:
        report.warn(
            path,
            f"learns `{tower.label_name}`, of whose negatives `data_config.undersampling` keeps "
            f"{sampling.rate:g}; `{_RATE}: {sampling.rate:g}` makes its probabilities those of "
            "all rows",
            of=f"tower `{tower.tower_name}`",
        )


def _check_shared_rates(funnel: Funnel, placed: Mapping[str, PlacedTower], report: Report) -> None:
    """Outcomes of one step have one rate: their negatives are the rows that come to none."""
    for step in funnel.steps:
        outcomes = [placed[name] for name in step.towers[:-1] if name in placed]
        for other in outcomes[1:]:
            wanted, received = (getattr(each.tower, _RATE) for each in (outcomes[0], other))
            if wanted != received:
                rule = f"be that of `{outcomes[0].path}`, an outcome of the same step"
                report.should(f"{other.path}.{_RATE}", rule, received)


def _check_calibrations(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Each is of another task and says how."""
    binary, classes = calibratable_tasks(pipeline), class_tasks(pipeline)
    first = dict[str, str]()
    for index, each in enumerate(pipeline.export_config.calibration):
        path, name, method = f"{_PATH}[{index}]", each.task_name, each.WhichOneof("method")
        tasks = [*binary, *classes] if method in (None, TEMPERATURE) else binary
        if method and name in classes and name not in tasks:
            rule = f"be `{TEMPERATURE}` for a task of several classes"
            report.should(path, rule, Word(method))
        elif name and name not in tasks:
            what = "a binary task that has a label"
            report.should_name(f"{path}.task_name", what, name, tasks)
        elif not tasks:
            report.should(path, "be left out, because no task is binary", Word("a calibration"))
        elif name in first:
            rule = f"be another task than that of `{first[name]}`"
            report.should(f"{path}.task_name", rule, name or None)
        first.setdefault(name, path)
        _check_method(each, path, report)


def _check_method(message: calibration_pb2.Calibration, path: str, report: Report) -> None:
    if chosen(report, path, message, "method") == "isotonic":
        check_at_least(report, f"{path}.isotonic.max_blocks", message.isotonic.max_blocks, 2)
