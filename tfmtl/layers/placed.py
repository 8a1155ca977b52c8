"""Where the weights of one feature lie in a variable that several share."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Placed(NamedTuple):
    """The weights of a feature, or of a table that several features read.

    Args:
        name: Unique in its layer.
        variable: The variable that they lie in, among others of their kind.
        first: Where they begin there, on the first axis.
        end: Where they end.
    """

    name: str
    variable: tf.Variable
    first: int
    end: int
