"""Where a training stands. Each checkpoint holds it, so that a resumed run goes on from there."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import tensorflow as tf


@dataclasses.dataclass(eq=False)
class TrainingState(tf.train.experimental.PythonState):
    """Where a training stands.

    Args:
        step: Steps made.
        rows: Rows of their batches; bad ones that were left out are not counted.
        best_metric: What `best_value` is a value of.
        best_value: The best value an evaluation has seen; None before the first.
        best_step: The step of that evaluation.
        evaluated_step: The step of the last evaluation that was compared with the best.
        evaluation_due: Whether the evaluation of this step was still to come.
        tables: Where each table of embeddings, and the weights of each embedded number, lie in the
            variables, see `pieces.py`.
        guard: What the guard knows of each task: evaluations in a row whose AUC says nothing, and
            what it has warned of.
        fingerprints: What the features' transforms are, by their names.
    """

    step: int = 0
    rows: int = 0
    best_metric: str = ""
    best_value: float | None = None
    best_step: int = 0
    evaluated_step: int = 0
    evaluation_due: bool = False
    tables: dict[str, dict[str, list[int]]] = dataclasses.field(default_factory=dict)
    guard: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    fingerprints: dict[str, str] = dataclasses.field(default_factory=dict)

    def serialize(self) -> str:
        """As JSON, for a checkpoint."""
        return json.dumps({f.name: getattr(self, f.name) for f in dataclasses.fields(self)})

    def deserialize(self, value: str | bytes) -> None:
        """Takes over what `serialize` wrote."""
        for name, content in json.loads(value).items():
            setattr(self, name, content)
