"""Asks a served model, tables in and tables out: `from tfmtl.client import Client`."""

from tfmtl.errors import ServingError
from tfmtl.serving.client import Client

__all__ = ["Client", "ServingError"]
