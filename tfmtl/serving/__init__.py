"""Exporting a trained model for serving, and scoring rows with what was exported."""

from tfmtl.serving.export import export
from tfmtl.serving.exporter import Exporter, export_base
from tfmtl.serving.predictor import Predictor
from tfmtl.serving.samples import sample_rows
from tfmtl.serving.score_files import score_files

__all__ = ["Exporter", "Predictor", "export", "export_base", "sample_rows", "score_files"]
