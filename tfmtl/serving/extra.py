"""What the development server and the client need, which tfmtl itself does not."""

from __future__ import annotations

import importlib.util

from tfmtl.errors import ServingError

_NEEDED = ("grpc", "grpc_health", "rapidjson", "requests", "tensorflow_serving")


def check_extra() -> None:
    """Raises if it is not installed.

    Raises:
        ServingError: With what is missing, and what would bring it.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ServingError(
            "Serving and asking models should have the extra `serving`: "
            f'pip install "tfmtl[serving]". Missing: {", ".join(missing)}.'
        )
