"""Features: from raw columns to the vectors that an architecture reads."""

from tfmtl.features.columns import Columns
from tfmtl.features.groups import build_groups, build_inputs
from tfmtl.features.wide import build_wide

__all__ = ["Columns", "build_groups", "build_inputs", "build_wide"]
