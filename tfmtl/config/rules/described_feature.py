"""A feature as its rules see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from google.protobuf.message import Message

from tfmtl.config.problems import Report
from tfmtl.config.rules.data import Field
from tfmtl.config.views import feature_name
from tfmtl.protos import feature_pb2

# The fields that make ids of text, and all that make ids.
WORDS = ("vocabulary", "hash_bucket_size", "vocab_list", "vocab_file")
ID_SOURCES = (*WORDS, "num_buckets")


class DescribedFeature(NamedTuple):
    """A feature, the columns there are, and where its problems go.

    One that no group reads has nothing to compute: it only gives its column a name, for a metric by
    user, say.
    """

    feature: feature_pb2.FeatureConfig
    path: str
    columns: Mapping[str, Field]
    report: Report
    is_read: bool

    @property
    def of(self) -> str:
        return f"feature `{feature_name(self.feature)}`"

    @property
    def inputs(self) -> list[Field]:
        """Its columns, those that exist."""
        names = self.feature.input_names
        return [self.columns[name] for name in names if name in self.columns]

    @property
    def id_source(self) -> str:
        """The field that says what its ids are; "" if none does."""
        return next((name for name in ID_SOURCES if self.gives(name)), "")

    def gives(self, field: str) -> bool:
        """Whether one of its fields says something."""
        value = getattr(self.feature, field)
        return self.feature.HasField(field) if isinstance(value, Message) else bool(value)

    def should(self, field: str, rule: str, received: Any = None) -> None:
        """Adds a problem of one of its fields; "" is the feature as a whole."""
        path = f"{self.path}.{field}" if field else self.path
        self.report.should(path, rule, received, of=self.of)

    def warn(self, field: str, sentence: str) -> None:
        """Adds a warning of one of its fields."""
        self.report.warn(f"{self.path}.{field}", sentence, of=self.of)
