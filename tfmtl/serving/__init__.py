"""Exporting a trained model for serving, and scoring rows with what was exported."""

from tfmtl.serving.export import check_network, export
from tfmtl.serving.exporter import BEST, FINAL, LATEST, Exporter, export_base
from tfmtl.serving.gate import Passed, check_export
from tfmtl.serving.predictor import Predictor, find_export
from tfmtl.serving.samples import sample_rows
from tfmtl.serving.score_files import score_files
from tfmtl.serving.versions import prune

__all__ = [
    "BEST",
    "FINAL",
    "LATEST",
    "Exporter",
    "Passed",
    "Predictor",
    "check_export",
    "check_network",
    "export",
    "export_base",
    "find_export",
    "prune",
    "sample_rows",
    "score_files",
]
