"""Several results as one: which model is best, where one metric alone does not say it.

    weighted_mean_metric = Σ_k w_k·s_k·v_k / Σ_k w_k

where s_k is 1 for a metric of which more is better, and -1 for one of which less is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfmtl import config
from tfmtl.protos import pipeline_pb2

NAME = "weighted_mean_metric"


class WeightedMean:
    """A weighted mean of results; more of it is better.

    Args:
        weights: Names of results with their weights, which are negative where less is better.
    """

    def __init__(self, weights: Sequence[tuple[str, float]]) -> None:
        self._weights = list(weights)

    def of(self, results: Mapping[str, float | None]) -> dict[str, float | None]:
        """The mean, by its name; None if one of its results has no value."""
        total, value = 0.0, 0.0
        for name, weight in self._weights:
            result = results[name]
            if result is None:
                return {NAME: None}
            total, value = total + abs(weight), value + weight * result
        return {NAME: value / total}

    def __str__(self) -> str:
        """The sum, such as `2*auc_ctr - 1*logloss_cvr`; it tells one mean from another."""
        terms = [f"{'-' if w < 0 else '+'} {abs(w):g}*{name}" for name, w in self._weights]
        return " ".join(terms).removeprefix("+ ")


def build_weighted_mean(pipeline: pipeline_pb2.Pipeline) -> WeightedMean | None:
    """The mean of `export_config.best_exporter_metrics`; None if there are none."""
    weights = []
    for each in pipeline.export_config.best_exporter_metrics:
        name = config.result_named(pipeline, each.metric_name)
        weights.append(
            (name, each.weight if config.bigger_is_better(pipeline, name) else -each.weight)
        )
    return WeightedMean(weights) if weights else None
