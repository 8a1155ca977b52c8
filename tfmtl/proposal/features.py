"""What each column becomes: a feature with the reason for it, or nothing, with the reason, too."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_name
from tfmtl.proposal.lists import Lists, lists_of
from tfmtl.proposal.numbers import bin_edges, is_skewed, rounded, value_range
from tfmtl.proposal.profile import Profile
from tfmtl.proposal.sizes import buckets, width
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.feature_pb2 import FeatureConfig

Field = DatasetConfig.Field

# Rows from which on it says something that no value comes twice.
_MANY = 20
_MOST_PLAIN_IDS = 1000
_FEWEST_NUMBERS = 100
_CODE_DIGITS = 5
_ID_NAME = re.compile(r"(?i)(^|[_\-.])(u?id|uuid|guid|code|zip|zipcode|sku)([_\-.]|$)|[a-z]Id$")
_DATE = re.compile(r"(19|20)\d\d([-/]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])([ T].*)?")
_YEAR_2000, _YEAR_2100 = 946_684_800, 4_102_444_800  # Seconds since 1970.


class Proposed(NamedTuple):
    """A column that becomes a feature.

    Attributes:
        field: The column.
        feature: The feature.
        note: Why.
        lists: The values of its cells, if they are lists.
    """

    field: Field
    feature: FeatureConfig
    note: str
    lists: Lists | None = None


class LeftOut(NamedTuple):
    """A column that becomes nothing, and why."""

    name: str
    reason: str


Outcome = Proposed | LeftOut


def propose_feature(profile: Profile, is_text: bool) -> Outcome:
    """What a column becomes.

    Args:
        profile: The column.
        is_text: Whether its file is text, whose cells are of any type that they can be read as.
    """
    # Features read what is infinite as they read an empty cell, or put it into the last bin.
    profile = profile.without_infinite()
    return next(found for rule in _RULES if (found := rule(profile, is_text)))


def _unnameable(profile: Profile, is_text: bool) -> LeftOut | None:
    report = Report()
    check_name(report, "name", profile.name)
    if not report.problems:
        return None
    return LeftOut(profile.name, "names that are served have letters, digits and `_ . - /` only")


def _empty(profile: Profile, is_text: bool) -> LeftOut | None:
    return None if profile.values else LeftOut(profile.name, "all cells are empty")


def _constant(profile: Profile, is_text: bool) -> LeftOut | None:
    if profile.distinct > 1 or profile.empty:
        return None
    return LeftOut(profile.name, f"all cells are {profile.values[0]!r}")


def _time(profile: Profile, is_text: bool) -> LeftOut | None:
    if not all(_DATE.fullmatch(value) for value in profile.counts) and not _is_seconds(profile):
        return None
    return LeftOut(
        profile.name,
        "dates or times, which do not come again; the hour or the weekday would be a feature",
    )


def _is_seconds(profile: Profile) -> bool:
    if not profile.is_number:
        return False
    seconds = profile.numbers / (1000 if profile.numbers.min() > _YEAR_2100 else 1)
    return bool(seconds.min() > _YEAR_2000 and seconds.max() < _YEAR_2100)


def _truth(profile: Profile, is_text: bool) -> Proposed | None:
    if not profile.is_truth:
        return None
    return _hashed(profile, DatasetConfig.STRING if is_text else None, "true or false")


def _list(profile: Profile, is_text: bool) -> Proposed | None:
    lists = lists_of(profile) if profile.stored == "text" else None
    if lists is None:
        return None
    field = Field(input_name=profile.name, input_type=DatasetConfig.STRING)
    feature = FeatureConfig(input_names=[profile.name])
    feature.separator = lists.separator
    if lists.vector_size and not lists.kv_separator:
        feature.feature_type = FeatureConfig.RawFeature
        feature.raw_input_dim = lists.vector_size
        return Proposed(field, feature, f"vectors of {lists.vector_size} numbers")
    feature.feature_type = FeatureConfig.TagFeature
    feature.hash_bucket_size = buckets(len(lists.counts), profile.is_all)
    feature.embedding_dim = width(len(lists.counts))
    feature.combiner = "mean"
    if lists.kv_separator:
        feature.kv_separator = lists.kv_separator
    kind = "lists with weights" if lists.kv_separator else "lists"
    note = f"{kind} of up to {lists.longest}, of {len(lists.counts):,} values"
    return Proposed(field, feature, note, lists)


def _key(profile: Profile, is_text: bool) -> LeftOut | None:
    """A value of its own in each row teaches nothing about others. Fractions are no keys."""
    rows = len(profile.values)
    if rows < _MANY or profile.distinct < rows or (profile.is_number and not profile.is_whole):
        return None
    return LeftOut(profile.name, "a value of its own in each row, as a key has")


def _plain_id(profile: Profile, is_text: bool) -> Proposed | None:
    """Small whole numbers are ids themselves, such as hours, levels and positions."""
    if not profile.is_whole or _ID_NAME.search(profile.name):
        return None
    least, most = profile.numbers.min(), int(profile.numbers.max())
    if least < -1 or most >= _MOST_PLAIN_IDS or profile.distinct > _FEWEST_NUMBERS:
        return None
    field = _number_field(profile, is_text)
    if profile.empty:
        field.default_val = "-1"
    feature = FeatureConfig(input_names=[profile.name], feature_type=FeatureConfig.IdFeature)
    feature.num_buckets = max(2, most + 1)
    feature.embedding_dim = width(profile.distinct)
    return Proposed(field, feature, f"whole numbers up to {most}; larger ones would count as 0")


def _number(profile: Profile, is_text: bool) -> Proposed | None:
    if not profile.is_number or _is_code(profile) or profile.numbers.min() == profile.numbers.max():
        return None
    field = _number_field(profile, is_text)
    feature = FeatureConfig(input_names=[profile.name], feature_type=FeatureConfig.RawFeature)
    edges = bin_edges(profile.numbers)
    if is_skewed(profile.numbers) and len(edges) > 1:
        return _binned(profile, field, feature, edges)
    feature.min_val, feature.max_val = value_range(profile.numbers)
    note = f"numbers, to be from 0 to 1 for most rows; {profile.told}"
    if profile.empty:
        field.default_val = _written(float(np.median(profile.numbers)), profile)
        note += ", which counts as the median"
    return Proposed(field, feature, note)


def _binned(profile: Profile, field: Field, feature: FeatureConfig, edges: list[float]) -> Proposed:
    note = f"numbers of which a few are far from the others, in bins; {profile.told}"
    least = float(profile.numbers.min())
    if profile.empty and least > 0:
        edges = [rounded(least / 2), *edges]
        note += ", a bin of their own"
    elif profile.empty:
        field.default_val = _written(float(np.median(profile.numbers)), profile)
        note += ", which counts as the median"
    feature.boundaries.extend(edges)
    feature.embedding_dim = width(len(edges))
    return Proposed(field, feature, note)


def _written(number: float, profile: Profile) -> str:
    """A number as a cell of the column has it."""
    return str(round(number)) if profile.is_written_whole else f"{rounded(number):g}"


def _is_code(profile: Profile) -> bool:
    """Whether numbers are names of something: by the column's name, or as all are equally long."""
    if not profile.is_whole:
        return False
    lengths = {len(value) for value in profile.counts}
    is_code = len(lengths) == 1 and min(lengths) >= _CODE_DIGITS
    return is_code or _ID_NAME.search(profile.name) is not None


def _number_field(profile: Profile, is_text: bool) -> Field:
    """The column as a file of numbers has it; text in other files stays text."""
    if not is_text and profile.stored == "text":
        return Field(input_name=profile.name, input_type=DatasetConfig.STRING)
    kind = DatasetConfig.FLOAT
    if profile.is_written_whole and profile.stored != "number":
        is_small = bool(np.abs(profile.numbers).max() < 2**31)
        kind = DatasetConfig.INT32 if is_small else DatasetConfig.INT64
    return Field(input_name=profile.name, input_type=kind)


def _id(profile: Profile, is_text: bool) -> Proposed:
    return _hashed(profile, DatasetConfig.STRING if is_text else None, "ids")


def _hashed(profile: Profile, kind: DatasetConfig.FieldType | None, what: str) -> Proposed:
    stored = {"whole": DatasetConfig.INT64, "number": DatasetConfig.FLOAT}
    stored["truth"] = DatasetConfig.BOOL
    if kind is None:
        kind = stored.get(profile.stored, DatasetConfig.STRING)
    field = Field(input_name=profile.name, input_type=kind)
    feature = FeatureConfig(input_names=[profile.name], feature_type=FeatureConfig.IdFeature)
    feature.hash_bucket_size = buckets(profile.distinct, profile.is_all)
    feature.embedding_dim = width(profile.distinct)
    if kind == DatasetConfig.FLOAT:
        feature.precision = 0
    if kind == DatasetConfig.INT64 and profile.empty:
        field.default_val = "-1"
    return Proposed(field, feature, f"{what}; {profile.told}")


# The first that has an answer decides.
_RULES: Sequence[Callable[[Profile, bool], Outcome | None]] = (
    _unnameable,
    _empty,
    _constant,
    _time,
    _truth,
    _list,
    _key,
    _plain_id,
    _number,
    _id,
)
