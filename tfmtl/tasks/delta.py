"""Δm: what learning tasks together has done to them, as one number.

    Δm = 1/T · Σ_t mean_{i ∈ t} s_i·(M_i - B_i) / |B_i|

where M are the metrics of a multi-task model and B those of its single-task twins, and s is 1 for a
metric of which more is better and -1 for one of which less is. 0.02 means: 2 % better on the mean.

References:
    Maninis et al., "Attentive Single-Tasking of Multiple Tasks", CVPR 2019, eq. 4,
    https://arxiv.org/abs/1904.08918
    Vandenhende et al., "Multi-Task Learning for Dense Prediction Tasks: A Survey", PAMI 2021,
    https://arxiv.org/abs/2004.13379
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfmtl import config

Results = Mapping[str, float | None]


def delta_m(
    multi_task: Results, single_task: Results, metrics: Sequence[str] | None = None
) -> float:
    """The mean relative change of tasks that are learned together, against each on its own.

    Every task counts alike, and so does every metric of a task.

    Args:
        multi_task: Results of the model of all tasks, as `tfmtl.evaluate` gives them.
        single_task: Results of the twins, of all of them together.
        metrics: Names of the results to compare, such as `auc_ctr`. By default all metrics that
            both have, except for those of which neither more nor less is better. Losses are
            compared only if they are named.

    Raises:
        ValueError: If there is nothing to compare, or a result is missing or has no change
            relative to it.

    Example:
    >>> delta_m({"auc_ctr": 0.77, "logloss_cvr": 0.19}, {"auc_ctr": 0.7, "logloss_cvr": 0.2})
    0.075
    """
    names = _comparable(multi_task, single_task) if metrics is None else metrics
    changes: dict[str, list[float]] = {}
    for name in names:
        metric, task = config.metric_and_place(name)
        change = _change(name, metric, multi_task, single_task)
        changes.setdefault(task, []).append(change)
    if not changes:
        raise ValueError("Both results should have a metric in common. Received: none.")
    return _mean([_mean(each) for each in changes.values()])


def _comparable(multi_task: Results, single_task: Results) -> list[str]:
    found = {name: config.metric_and_place(name)[0] for name in multi_task if name in single_task}
    return [
        name
        for name, metric in found.items()
        if metric not in ("", "loss") and config.is_bigger_better(metric) is not None
    ]


def _change(name: str, metric: str, multi_task: Results, single_task: Results) -> float:
    bigger = config.is_bigger_better(metric) if metric else None
    if bigger is None:
        raise ValueError(
            f"`metrics` should name metrics of which more or less is better. Received: {name}."
        )
    values = [results.get(name) for results in (multi_task, single_task)]
    ours, base = values
    if ours is None or base is None:
        raise ValueError(f"`{name}` should have a value in both results. Received: {values}.")
    if base == 0:
        raise ValueError(f"`{name}` of the single-task model should not be 0. Received: {base:g}.")
    change = (ours - base) / abs(base)
    return change if bigger else -change


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
