"""Readers: files or a DataFrame in, `tf.data` of raw columns out."""

from tfmtl.data.base import Rows, Source, translate_errors
from tfmtl.data.files import find_files
from tfmtl.data.frame_source import read_frame
from tfmtl.data.source import open_source

__all__ = ["Rows", "Source", "find_files", "open_source", "read_frame", "translate_errors"]
