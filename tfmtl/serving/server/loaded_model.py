"""A SavedModel in a session, as a server holds it: no Python of the model's is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmtl.serving.saved_graph import GRAPH_FILE
from tfmtl.serving.server import statuses
from tfmtl.serving.server.batching import Run

Arrays = Mapping[str, np.ndarray]

_MILLISECONDS = 1000
_FOR_EVER = 1e6  # Seconds; what gRPC gives where there is no deadline is more.


class LoadedModel:
    """Answers by the names of tensors.

    Args:
        folder: The SavedModel.
        tags: Those of the graph that is served.
        config: Of the session.
        batched: Makes of what runs requests what runs them in batches.

    Raises:
        Failure: If there is none that can be loaded, in the words of TensorFlow's C++ loader.
    """

    def __init__(
        self,
        folder: Path,
        tags: Sequence[str] = (tf.saved_model.SERVING,),
        config: tf.compat.v1.ConfigProto | None = None,
        batched: Callable[[Run], Run] = lambda run: run,
    ) -> None:
        self._run = batched(self._run_alone)
        with tf.Graph().as_default() as graph:
            self._session = tf.compat.v1.Session(graph=graph, config=config)
            try:
                meta = tf.compat.v1.saved_model.load(self._session, list(tags), str(folder))
            except Exception as error:
                self._session.close()
                raise _as_failure(error, folder, tags) from error
            graph.finalize()
        self.signatures: Mapping[str, Any] = meta.signature_def

    def run(
        self,
        feeds: Mapping[str, np.ndarray],
        fetches: Sequence[str],
        timeout: float | None = None,
    ) -> list[np.ndarray]:
        """The tensors of these names.

        Args:
            feeds: Tensors by name.
            fetches: Names of tensors.
            timeout: Seconds until it is given up.

        Raises:
            Failure: If the graph cannot answer.
        """
        return self._run(feeds, fetches, timeout)

    def _run_alone(
        self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str], timeout: float | None
    ) -> list[np.ndarray]:
        options = None
        if timeout is not None and timeout < _FOR_EVER:
            in_ms = max(1, int(timeout * _MILLISECONDS))
            options = tf.compat.v1.RunOptions(timeout_in_ms=in_ms)
        try:
            answers = self._session.run(list(fetches), dict(feeds), options=options)
        except (ValueError, TypeError) as error:
            raise statuses.invalid(str(error)) from error
        except tf.errors.OpError as error:
            # The session adds Python's view of the graph to what the runtime said.
            said = error.__context__
            raise (said if isinstance(said, tf.errors.OpError) else error) from error
        return [np.asarray(each) for each in answers]

    def close(self) -> None:
        """Gives back its memory."""
        self._session.close()


def _as_failure(error: Exception, folder: Path, tags: Sequence[str]) -> Exception:
    if isinstance(error, RuntimeError):
        return statuses.not_found(
            f"Could not find meta graph def matching supplied tags: {{ {' '.join(tags)} }}"
        )
    if not isinstance(error, OSError):
        return error
    if (folder / GRAPH_FILE).exists():
        return statuses.data_loss(f"Can't parse {folder / GRAPH_FILE} as binary proto")
    return statuses.not_found(
        "Could not find SavedModel .pb or .pbtxt at supplied export directory path: "
        f"{folder}. Check that the directory exists and that you have the right permissions for "
        "accessing it."
    )


def checked(infos: Mapping[str, Any], given: Arrays) -> dict[str, np.ndarray]:
    """Inputs by the names of their tensors, if types and shapes are what the model takes.

    Args:
        infos: What a signature takes, tensorflow.TensorInfo by input.
        given: Tensors by input.

    Raises:
        Failure: With the first that is not.
    """
    feeds = {}
    for index, (name, info) in enumerate(sorted(infos.items())):
        value, expected = given[name], tf.as_dtype(info.dtype)
        received = tf.string if value.dtype == object else tf.as_dtype(value.dtype)
        if received != expected:
            raise statuses.invalid(
                f"Expects arg[{index}] to be {statuses.type_name(expected)} "
                f"but {statuses.type_name(received)} is provided"
            )
        if not tf.TensorShape(info.tensor_shape).is_compatible_with(value.shape):
            raise statuses.invalid(
                f"Input {name} should have the shape {tf.TensorShape(info.tensor_shape)} "
                f"but {tf.TensorShape(value.shape)} is provided"
            )
        feeds[info.name] = value
    return feeds
