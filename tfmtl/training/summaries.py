"""What TensorBoard shows: losses, rates and speed in `train/`, evaluations in `eval_val/`."""

from __future__ import annotations

import os
from collections.abc import Mapping

import tensorflow as tf

from tfmtl.training.writing import writing

TRAIN = "train"
EVALUATION = "eval_val"

# What `tf.summary.scalar` would say; that function needs TensorBoard to be installed to write.
_SCALAR = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"),
    data_class="DATA_CLASS_SCALAR",
)


class Summaries:
    """Writes scalars for TensorBoard.

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
        directory = os.path.join(self._model_dir, run)
        with writing(f"The points for TensorBoard in `{directory}`"):
            writer = self._writer(run, directory)
            with writer.as_default(step):
                for name, value in scalars.items():
                    if value is not None:
                        tf.summary.write(name, tf.constant(value, tf.float32), metadata=_SCALAR)
            writer.flush()

    def close(self) -> None:
        """Closes the files."""
        for writer in self._writers.values():
            writer.close()

    def _writer(self, run: str, directory: str) -> tf.summary.SummaryWriter:
        if run not in self._writers:
            self._writers[run] = tf.summary.create_file_writer(directory)
        return self._writers[run]
