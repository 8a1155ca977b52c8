"""Statistics of columns in one pass: by NumPy, in bounded memory, and mergeable.

An accumulator takes values by `update`, takes another of its kind in by `merge`, and tells what it
found by its properties or by `result`. Two halves merged are the whole: to the last digit where
counts are exact, and within the stated error where they are estimates.
"""

from tfmtl.features.statistics.distinct import DistinctCounter
from tfmtl.features.statistics.moments import Moments
from tfmtl.features.statistics.numbers import Numbers, NumberSummary, log1p
from tfmtl.features.statistics.quantiles import QuantileSketch
from tfmtl.features.statistics.row_sample import RowSample
from tfmtl.features.statistics.splits import best_splits
from tfmtl.features.statistics.words import WordCounter

__all__ = [
    "DistinctCounter",
    "Moments",
    "NumberSummary",
    "Numbers",
    "QuantileSketch",
    "RowSample",
    "WordCounter",
    "best_splits",
    "log1p",
]
