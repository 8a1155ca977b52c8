"""Exporting a trained model for serving, and scoring rows with what was exported."""

from tfmtl.serving.export import export
from tfmtl.serving.exporter import Exporter, export_base
from tfmtl.serving.gate import check_export
from tfmtl.serving.predictor import Predictor, find_export
from tfmtl.serving.samples import sample_rows
from tfmtl.serving.score_files import score_files

__all__ = [
    "Exporter",
    "Predictor",
    "check_export",
    "export",
    "export_base",
    "find_export",
    "sample_rows",
    "score_files",
]
