"""The gate: what an export must pass before it is published, and can be held to at any time."""

from tfmtl.serving.gate.check import Passed, check_export

__all__ = ["Passed", "check_export"]
