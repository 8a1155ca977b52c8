"""Readers: files or a DataFrame in, `tf.data` of raw columns out; samplers between the two."""

from tfmtl.data.base import Rows, Source, translate_errors
from tfmtl.data.encoded_source import Encoding, is_encoded, open_encoded
from tfmtl.data.files import find_files
from tfmtl.data.frame_source import read_frame
from tfmtl.data.samplers import Sampler, build_sampler
from tfmtl.data.source import open_source

__all__ = [
    "Encoding",
    "Rows",
    "Sampler",
    "Source",
    "build_sampler",
    "find_files",
    "is_encoded",
    "open_encoded",
    "open_source",
    "read_frame",
    "translate_errors",
]
