"""Which versions are asked in batches, as `--enable_batching` and the flags beside it say."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from tfmtl.errors import ServingError
from tfmtl.protos.batching_parameters_pb2 import BatchingParameters
from tfmtl.serving.batching import BATCHING_FILE
from tfmtl.serving.server import statuses
from tfmtl.serving.server.batching import Batcher, Limits, Run
from tfmtl.serving.server.config_files import batching_parameters


class BatchingFlags:
    """Makes batches for the versions that should have them.

    Args:
        enabled: Whether any should.
        file: How batches are made; "" leaves it to what is usual.
        per_model: Whether a version's own file says how instead; one without is then not batched.

    Raises:
        ServingError: If there is a file without batches, or it is broken.
    """

    def __init__(self, enabled: bool, file: str, per_model: bool) -> None:
        if file and not enabled:
            raise ServingError(
                "`--batching_parameters_file` should be given with `--enable_batching`."
            )
        self._enabled = enabled
        self._per_model = per_model
        self._common = batching_parameters(Path(file)) if file else BatchingParameters()
        at_once = self._common.num_batch_threads.value or os.cpu_count() or 1
        self._places = threading.BoundedSemaphore(at_once)

    def batched(self, folder: Path, run: Run) -> Run:
        """Runs requests to a version, in batches if it should have them.

        Raises:
            Failure: If the version's own file is broken.
        """
        parameters = self._parameters(folder)
        if parameters is None:
            return run
        return Batcher(run, Limits.of(parameters), self._places).run

    def _parameters(self, folder: Path) -> BatchingParameters | None:
        if not self._enabled:
            return None
        if not self._per_model:
            return self._common
        own = folder / BATCHING_FILE
        try:
            return batching_parameters(own) if own.is_file() else None
        except ServingError as error:
            raise statuses.invalid(str(error)) from error
