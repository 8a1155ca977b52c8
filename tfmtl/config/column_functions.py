"""Functions of numbers that a config may name: `normalizer_fn` and `user_define_fn`.

They are named, never run from text: a config holds no code.
"""

from __future__ import annotations

# What `layers/column_functions.py` computes. This list is all there is.
COLUMN_FUNCTIONS = (
    "abs",
    "ceil",
    "exp",
    "floor",
    "log",
    "log1p",
    "relu",
    "round",
    "rsqrt",
    "sigmoid",
    "sign",
    "sqrt",
    "square",
    "tanh",
)
_HOMES = ("tf.math", "tf.nn", "tf", "tensorflow.math", "tensorflow.nn", "tensorflow")


def column_function(path: str) -> str:
    """The plain name of a function: `log1p` of `tf.math.log1p`; "" if there is none such."""
    home, _, name = path.strip().rpartition(".")
    return name if name in COLUMN_FUNCTIONS and home in ("", *_HOMES) else ""
