"""Whether `tf.keras` is the Keras that tfmtl and tensorflow-recommenders are written for: Keras 2.

TensorFlow decides once, when `tf.keras` is first touched, by the environment variable
`TF_USE_LEGACY_KERAS`. `import tfmtl` sets it; these checks tell whoever was there first.
"""

from __future__ import annotations

import os
import sys

from tfmtl.errors import TfmtlError

_VARIABLE = "TF_USE_LEGACY_KERAS"
_ON = ("1", "true", "True")  # The spellings TensorFlow accepts.


class KerasVersionError(TfmtlError, ImportError):
    """`tf.keras` is, or would become, Keras 3."""


def require_legacy_keras() -> None:
    """Raises if `tf.keras` is bound to Keras 3 in this process, or would be at its first use.

    Raises:
        KerasVersionError: With what to set, and when.
    """
    if _bound_to_keras_3():
        raise KerasVersionError(
            "`tf.keras` should be Keras 2 (the package tf_keras) in a process that uses tfmtl. "
            "Received: Keras 3, because TensorFlow's Keras was used before tfmtl was imported. "
            f"Put `import tfmtl` before the first use of `tf.keras`, or set {_VARIABLE}=1 in the "
            "environment before Python starts."
        )
    value = os.environ.get(_VARIABLE)
    if value not in _ON:
        raise KerasVersionError(
            f"The environment variable {_VARIABLE} should be 1: tensorflow-recommenders needs "
            f"Keras 2. Received: {value!r}. Set it to 1, or leave it unset: tfmtl sets it."
        )


def _bound_to_keras_3() -> bool:
    """Looks at `tf.keras`, a lazy loader or the module in its place, without making it load."""
    tensorflow = sys.modules.get("tensorflow")
    keras = vars(tensorflow).get("keras") if tensorflow else None
    state = vars(keras) if keras else {}
    loaded = str(state.get("__version__", "")).startswith("3")
    return loaded or state.get("_tfll_keras_version") == "keras_3"
