"""Reliability tables of an evaluation: as data, and as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfmtl.training.model import MultiTaskModel

Bins = Sequence[Mapping[str, Any]]


def reliability(model: MultiTaskModel) -> dict[str, Bins]:
    """The bins of each task that has a table and rows, from low predictions to high ones."""
    tables = {
        meter.task.name: [each._asdict() for each in meter.reliability.result()]
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
        head = f"{'rows':>12}{'predicted':>12}{'observed':>12}{'copc':>9}"
        yield "\n".join([f"reliability of {task}", head, *map(_line, bins)])


def _line(its: Mapping[str, Any]) -> str:
    copc = "none" if its["copc"] is None else f"{its['copc']:.4g}"
    predicted, observed = its["mean_prediction"], its["mean_label"]
    return f"{its['rows']:>12,}{predicted:>12.5g}{observed:>12.5g}{copc:>9}"
