"""Requests, made of tables: every input that a signature takes."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tfmtl.config.score import weight_input
from tfmtl.errors import ServingError
from tfmtl.serving.client import tensors

Infos = Mapping[str, Any]  # tensorflow.TensorInfo by input or output.

_WEIGHT = weight_input("")


def row_inputs(
    rows: pd.DataFrame, infos: Infos, weights: Mapping[str, float] | None
) -> dict[str, np.ndarray]:
    """A request about rows.

    Args:
        rows: Columns, of which those are taken that the signature has.
        infos: What the signature takes.
        weights: Values of the score's weights, by name.

    Raises:
        ServingError: If a column is missing or of another type, or there is no such weight.
    """
    given = _weights(infos, weights)
    columns = [name for name in infos if name not in given]
    tensors.check_names(columns, rows.columns, "The rows")
    return given | {name: tensors.tensor_of(rows[name], infos[name], name) for name in columns}


def ranked_inputs(
    user: Mapping[str, Any],
    items: pd.DataFrame,
    infos: Infos,
    weights: Mapping[str, float] | None,
) -> dict[str, np.ndarray]:
    """A request about one user's candidates.

    Args:
        user: Values of the user's columns.
        items: A row a candidate.
        infos: What the signature takes.
        weights: Values of the score's weights, by name.

    Raises:
        ServingError: If a column is missing or of another type, or there is no such weight.
    """
    given = _weights(infos, weights)
    columns = [name for name in infos if name not in given]
    of_user = [name for name in columns if tensors.rank_of(infos[name]) == 1]
    of_items = [name for name in columns if name not in of_user]
    tensors.check_names(of_user, user, "`user`")
    tensors.check_names(of_items, items.columns, "`items`")
    for name in of_user:
        given[name] = tensors.tensor_of(tensors.column_of([user[name]]), infos[name], name)
    for name in of_items:
        given[name] = tensors.tensor_of(items[name], _of_rows(infos[name]), name)[np.newaxis]
    return given


def _of_rows(info: Any) -> Any:
    """What an input of lists of candidates takes of each candidate."""
    told = type(info)()
    told.CopyFrom(info)
    del told.tensor_shape.dim[0]
    return told


def _weights(infos: Infos, weights: Mapping[str, float] | None) -> dict[str, np.ndarray]:
    """All weights of the score; NaN is the default of those that are not given."""
    if not weights:
        return {}
    for name, value in weights.items():
        if not isinstance(value, numbers.Real):
            raise ServingError(
                f"`score_weights` should be numbers. Received: {value!r} for `{name}`."
            )
    inputs = [name for name in infos if name.startswith(_WEIGHT)]
    wanted = {weight_input(name): value for name, value in weights.items()}
    if unknown := sorted(wanted.keys() - set(inputs)):
        known = ", ".join(name.removeprefix(_WEIGHT) for name in sorted(inputs)) or "none"
        raise ServingError(
            "`score_weights` should name weights of the model's score. "
            f"Received: `{unknown[0].removeprefix(_WEIGHT)}`. Known: {known}."
        )
    return {name: np.array([wanted.get(name, np.nan)], np.float32) for name in inputs}
