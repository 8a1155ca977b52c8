"""tfmtl: one config file in, a trained, evaluated and servable multi-task recommender out.

    import tfmtl

    pipeline = tfmtl.load_config("samples/mmoe_on_ecommerce.config")
    tfmtl.train(pipeline)
    scores = tfmtl.Predictor("experiments/mmoe_on_ecommerce/export/final").predict(rows)

Importing the package is quick: TensorFlow is loaded when one of these names is first used.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfmtl.api import (
        Predictor,
        check_export,
        convert,
        evaluate,
        export,
        load_config,
        statistics,
        train,
    )
    from tfmtl.errors import (
        ConfigError,
        DataError,
        ExportError,
        ServingError,
        TfmtlError,
        TrainingError,
    )

__version__ = "0.1.0"

# TensorFlow reads this when `tf.keras` is first used; tensorflow-recommenders needs Keras 2 there.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

_HOMES = {
    "load_config": "tfmtl.api",
    "train": "tfmtl.api",
    "check_export": "tfmtl.api",
    "evaluate": "tfmtl.api",
    "export": "tfmtl.api",
    "convert": "tfmtl.api",
    "statistics": "tfmtl.api",
    "Predictor": "tfmtl.api",
    "TfmtlError": "tfmtl.errors",
    "ConfigError": "tfmtl.errors",
    "DataError": "tfmtl.errors",
    "TrainingError": "tfmtl.errors",
    "ExportError": "tfmtl.errors",
    "ServingError": "tfmtl.errors",
}
__all__ = [
    "ConfigError",
    "DataError",
    "ExportError",
    "Predictor",
    "ServingError",
    "TfmtlError",
    "TrainingError",
    "__version__",
    "check_export",
    "convert",
    "evaluate",
    "export",
    "load_config",
    "statistics",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(types.ModuleType):
    """Keeps `tfmtl.train` the function when `tfmtl/train.py`, the command, is imported as well.

    Python binds an imported submodule as an attribute of its package, and would hide the function
    of the same name. The submodule stays where imports find it, in `sys.modules`.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
