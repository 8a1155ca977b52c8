"""Features: from raw columns to the vectors that an architecture reads."""

from tfmtl.features.columns import Columns
from tfmtl.features.groups import build_groups, build_inputs

__all__ = ["Columns", "build_groups", "build_inputs"]
