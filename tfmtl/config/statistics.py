"""Fills in what features take from the statistics of the data, so that a config is whole by itself.

Statistics are written by `python -m tfmtl.statistics`. A config that is filled in has center and
scale, edges and words beside what it asked for, and needs no statistics any more.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from google.protobuf import text_format

from tfmtl.config.edges import as_edges, equal_frequency, equal_width
from tfmtl.config.problems import Report
from tfmtl.config.readings import reading_of
from tfmtl.config.rules.fitted import fits
from tfmtl.config.views import PlacedFeature, expanded, feature_name, placed_features
from tfmtl.config.wording import Word, one_of, show
from tfmtl.errors import ConfigError
from tfmtl.protos import feature_pb2, pipeline_pb2
from tfmtl.protos.feature_pb2 import Binning, Normalization
from tfmtl.protos.statistics_pb2 import ColumnStatistics, Statistics

_COMMAND = "`python -m tfmtl.statistics`"
_AGAIN = f"{_COMMAND} on this config brings them up to date"
_TOLD_READINGS = 3


def fitted(pipeline: pipeline_pb2.Pipeline) -> pipeline_pb2.Pipeline:
    """A checked config with all that its features take from statistics; itself, if it has it.

    Raises:
        ConfigError: With all that is lacking.
    """
    if not _wanted(pipeline):
        return pipeline
    whole, report = pipeline_pb2.Pipeline(), Report()
    whole.CopyFrom(pipeline)
    fit(whole, report)
    if report.problems:
        raise ConfigError([problem.text for problem in report.problems])
    return whole


def fit(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Fills in a checked config.

    Args:
        pipeline: The config. Features with `shared_names` become several, each with its own.
        report: Takes what is lacking as problems, and what statistics are not sure of as warnings.
            Features that have problems already are left alone.
    """
    broken = tuple(problem.path for problem in report.problems)
    wanted = [each for each in _wanted(pipeline) if not _is_broken(each[0].path, broken)]
    if not wanted:
        return
    if not pipeline.statistics_path:
        for placed, field in wanted:
            rule = f"have statistics: `statistics_path` should name the file that {_COMMAND} writes"
            report.should(f"{placed.path}.{field}", rule, of=_of(placed.feature))
        return
    statistics = _read(pipeline.statistics_path, report)
    if statistics is not None:
        _fill_in(pipeline, {placed.path for placed, _ in wanted}, statistics, report)


def _is_broken(path: str, broken: Sequence[str]) -> bool:
    """Whether a message, a part of it or what the data declares has problems."""
    return any(each == path or each.startswith((f"{path}.", "data_config.")) for each in broken)


def _wanted(pipeline: pipeline_pb2.Pipeline) -> list[tuple[PlacedFeature, str]]:
    """The features that are not filled in, and of each the field."""
    return [
        (placed, field)
        for placed in placed_features(pipeline)
        for field in _FITTERS
        if _lacks(placed.feature, field)
    ]


def _lacks(feature: feature_pb2.FeatureConfig, field: str) -> bool:
    if not fits(feature, field):
        return False
    request = getattr(feature, field)
    if field == "normalization":
        return request.method != Normalization.LOG1P and not request.HasField("scale")
    return not (request.edges if field == "binning" else request.words)


def _read(path: str, report: Report) -> Statistics | None:
    """The statistics in a file; None, which is a problem, if there are none."""
    try:
        with open(path, encoding="utf-8") as file:
            return text_format.Parse(file.read(), Statistics())
    except OSError as error:
        received = f"{show(path)}, {error.strerror}"
    except (UnicodeDecodeError, text_format.ParseError) as error:
        received = f"{show(path)}, which is not one ({' '.join(str(error).split())})"
    report.should("statistics_path", f"name a file that {_COMMAND} has written", Word(received))
    return None


def _fill_in(
    pipeline: pipeline_pb2.Pipeline, wanted: Collection[str], statistics: Statistics, report: Report
) -> None:
    """Fills in the features whose paths are wanted."""
    for features, path in (
        (pipeline.feature_configs, "feature_configs"),
        (pipeline.feature_config.features, "feature_config.features"),
    ):
        whole = [
            feature
            for index, template in enumerate(features)
            for feature in (
                _whole(template, f"{path}[{index}]", pipeline, statistics, report)
                if f"{path}[{index}]" in wanted
                else [template]
            )
        ]
        del features[:]
        features.extend(whole)


def _whole(
    template: feature_pb2.FeatureConfig,
    path: str,
    pipeline: pipeline_pb2.Pipeline,
    statistics: Statistics,
    report: Report,
) -> Iterator[feature_pb2.FeatureConfig]:
    """Yields the feature filled in, and one for each of its `shared_names`."""
    for _, _, feature in list(expanded(template, path)):
        for field in _FITTERS:
            if _lacks(feature, field):
                _Request(feature, field, path, pipeline, statistics, report).fill_in()
        yield feature


class _Request(NamedTuple):
    """What a feature asks of the statistics, and where its problems go."""

    feature: feature_pb2.FeatureConfig
    field: str
    path: str
    pipeline: pipeline_pb2.Pipeline
    statistics: Statistics
    report: Report

    def fill_in(self) -> None:
        """Fills in the field from what is known of the feature's column."""
        column = self._column()
        if column is not None:
            _FITTERS[self.field](self, column)

    def should(self, rule: str, received: object = None) -> None:
        """Adds a problem."""
        self.report.should(f"{self.path}.{self.field}", rule, received, of=_of(self.feature))

    def warn(self, sentence: str) -> None:
        """Adds a warning."""
        self.report.warn(f"{self.path}.{self.field}", sentence, of=_of(self.feature))

    def _column(self) -> ColumnStatistics | None:
        """The column as the feature reads it; None, which is a problem, if it is not there."""
        fields = {field.input_name: field for field in self.pipeline.data_config.input_fields}
        reading = reading_of(self.feature, fields)
        known = [each for each in self.statistics.columns if each.column == reading.column]
        for each in known:
            if each.reading == reading.words:
                return each
        rule = f"have statistics of column `{reading.column}` as {reading.words}; {_AGAIN}"
        others = one_of(each.reading for each in known[:_TOLD_READINGS]) if known else ""
        self.should(rule, Word(f"statistics of it as {others}") if others else None)
        return None


def _of(feature: feature_pb2.FeatureConfig) -> str:
    return f"feature `{feature_name(feature)}`"


def _fit_normalization(request: _Request, column: ColumnStatistics) -> None:
    its, found = request.feature.normalization, column.numbers
    if not column.values:
        request.should(_rule_of_some(column), 0)
        return
    center, scale = {
        Normalization.Z_SCORE: (found.mean, found.deviation),
        Normalization.MIN_MAX: (found.min, found.max - found.min),
        Normalization.LOG1P_Z_SCORE: (found.log1p_mean, found.log1p_deviation),
    }[its.method]
    if not (math.isfinite(center) and math.isfinite(scale)):
        request.should("have numbers whose spread is finite", scale)
        return
    # A column of one number has no spread: all that matters is that it becomes 0.
    its.center, its.scale = center, scale or 1.0


def _fit_binning(request: _Request, column: ColumnStatistics) -> None:
    its, found = request.feature.binning, column.numbers
    if not column.values:
        request.should(_rule_of_some(column), 0)
        return
    if its.method == Binning.EQUAL_FREQUENCY:
        edges = equal_frequency(found.quantiles, its.num_bins)
    elif its.method == Binning.EQUAL_WIDTH:
        edges = equal_width(found.min, found.max, its.num_bins)
    else:
        edges = _leaves(request, column)
    if edges:
        its.edges[:] = edges
    elif its.method != Binning.TREE:
        request.should(f"have different numbers in column `{column.column}` to part", found.min)


def _leaves(request: _Request, column: ColumnStatistics) -> list[float]:
    """The edges of a tree; none, which is a problem, if there are none."""
    its = request.feature.binning
    grown = {splits.task: splits for splits in column.numbers.splits}
    if its.task not in grown:
        rule = f"have statistics of column `{column.column}` by task `{its.task}`; {_AGAIN}"
        request.should(rule, list(grown) or None)
        return []
    splits = grown[its.task]
    if not splits.edges:
        rule = f"have numbers in column `{column.column}` that tell labels of `{its.task}` apart"
        request.should(rule, Word(f"a tree of one leaf, grown from {splits.rows} rows"))
    return as_edges(splits.edges[: its.num_bins - 1])


def _fit_vocabulary(request: _Request, column: ColumnStatistics) -> None:
    its, found = request.feature.vocabulary, column.words
    kept = [w for w, n in zip(found.words, found.counts, strict=True) if n >= its.min_count]
    words = kept[: its.max_words or None]
    if not words:
        most = found.counts[0] if found.counts else 0
        rule = f"have words in column `{column.column}` that are there {its.min_count} times"
        request.should(rule, Word(f"{most} times at most"))
        return
    if found.count_error >= its.min_count and len(words) == len(found.words):
        request.warn(
            f"takes all words that the statistics have, of which counts may be {found.count_error} "
            "too low; a greater --max_words of the statistics, or `min_count`, makes sure"
        )
    its.words[:] = words


def _rule_of_some(column: ColumnStatistics) -> str:
    return f"have numbers in column `{column.column}`"


_FITTERS = {
    "normalization": _fit_normalization,
    "binning": _fit_binning,
    "vocabulary": _fit_vocabulary,
}
