"""What TensorBoard shows: losses, rates and speed in `train/`, evaluations in `eval_val/`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from tfmtl.training.writing import writing

TRAIN = "train"
EVALUATION = "eval_val"

# What `tf.summary.scalar` would say; that function needs TensorBoard to be installed to write.
_SCALAR = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"),
    data_class="DATA_CLASS_SCALAR",
)
_HISTOGRAM = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="histograms"),
    data_class="DATA_CLASS_TENSOR",
)


class Summaries:
    """Writes scalars and histograms for TensorBoard.

    Args:
        model_dir: The directory under which they go.
    """

    def __init__(self, model_dir: str) -> None:
        self._model_dir = model_dir
        self._writers: dict[str, tf.summary.SummaryWriter] = {}

    def write(self, run: str, step: int, scalars: Mapping[str, float | None]) -> None:
        """Writes a point of each scalar.

        Args:
            run: `TRAIN` or `EVALUATION`.
            step: The step it is of.
            scalars: Values by name; None is left out.
        """
        with self._writing(run, step):
            for name, value in scalars.items():
                if value is not None:
                    tf.summary.write(name, tf.constant(value, tf.float32), metadata=_SCALAR)

    def write_histograms(
        self, run: str, step: int, histograms: Iterable[tuple[str, np.ndarray]]
    ) -> None:
        """Writes histograms.

        Args:
            run: `TRAIN` or `EVALUATION`.
            step: The step they are of.
            histograms: Names, and `(bins, 3)` as `histograms.histogram` makes them.
        """
        with self._writing(run, step):
            for name, histogram in histograms:
                tf.summary.write(name, tf.constant(histogram), metadata=_HISTOGRAM)

    @contextlib.contextmanager
    def _writing(self, run: str, step: int) -> Iterator[None]:
        directory = os.path.join(self._model_dir, run)
        with writing(f"The points for TensorBoard in `{directory}`"):
            writer = self._writer(run, directory)
            with writer.as_default(step):
                yield
            writer.flush()

    def close(self) -> None:
        """Closes the files."""
        for writer in self._writers.values():
            writer.close()

    def _writer(self, run: str, directory: str) -> tf.summary.SummaryWriter:
        if run not in self._writers:
            self._writers[run] = tf.summary.create_file_writer(directory)
        return self._writers[run]
