"""Reliability tables of an evaluation: as data, and as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfmtl.tasks.calibration_metrics import ReliabilityTable
from tfmtl.training.model import MultiTaskModel

Bins = Sequence[Mapping[str, Any]]


def bins_of(table: ReliabilityTable) -> Bins:
    """The bins of a table that have rows, from low predictions to high ones."""
    return [each._asdict() for each in table.result()]


def reliability(model: MultiTaskModel) -> dict[str, Bins]:
    """The bins of each task that has a table and rows."""
    tables = {
        meter.task.name: bins_of(meter.reliability)
        for meter in model.meters
        if meter.reliability is not None
    }
    return {task: bins for task, bins in tables.items() if bins}


def reliability_texts(tables: Mapping[str, Bins]) -> Iterator[str]:
    """A table for each task.

    reliability of ctr
          rows   predicted    observed    copc
        12,000    0.010213    0.010083  0.9873
    """
    for task, bins in tables.items():
        yield "\n".join([f"reliability of {task}", _HEAD, *map(_line, bins)])


def sliced_texts(sliced: Mapping[str, Mapping[str, Mapping[str, Bins]]]) -> Iterator[str]:
    """A table for each slice and task, with a line for each value: all its rows, then its bins.

    reliability of ctr by city, and copc from low predictions to high ones
              rows   predicted    observed     copc
      oslo   9,000    0.012213    0.010083   0.8259    0.71   0.9027
    """
    for by, values in sliced.items():
        for task in dict.fromkeys(task for tables in values.values() for task in tables):
            told = {value or '""': t[task] for value, t in values.items() if task in t}
            width = max(map(len, told))
            lines = [f"  {value:<{width}}{_all_of(bins)}" for value, bins in told.items()]
            head = f"reliability of {task} by {by}, and copc from low predictions to high ones"
            yield "\n".join([head, " " * (width + 2) + _HEAD, *lines])


_HEAD = f"{'rows':>12}{'predicted':>12}{'observed':>12}{'copc':>9}"


def _line(its: Mapping[str, Any]) -> str:
    predicted, observed = its["mean_prediction"], its["mean_label"]
    return f"{its['rows']:>12,}{predicted:>12.5g}{observed:>12.5g}{_copc(its['copc'])}"


def _all_of(bins: Bins) -> str:
    """A line of all rows, and the COPC of each bin."""
    weights = [each["weight"] for each in bins]
    predicted, observed = (
        float(np.average([each[name] for each in bins], weights=weights))
        for name in ("mean_prediction", "mean_label")
    )
    rows = sum(each["rows"] for each in bins)
    copc = observed / predicted if predicted else None
    whole = {"rows": rows, "mean_prediction": predicted, "mean_label": observed, "copc": copc}
    return "".join([_line(whole), *(_copc(each["copc"]) for each in bins)])


def _copc(value: float | None) -> str:
    return f"{'none' if value is None else f'{value:.4g}':>9}"
