"""Columns of one number a row side by side, so that rows of all of them are taken at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfmtl.data.arrow_tensors import Part, Single


class Packing:
    """Packs the parts of rows that are one number a row, by their type.

    Args:
        dtypes: The types of all parts.
        is_number: Which of them are one number a row.
    """

    def __init__(self, dtypes: Sequence[tf.DType], is_number: Sequence[bool]) -> None:
        numbers: dict[tf.DType, list[int]] = {}
        others = []
        for place, (dtype, packs) in enumerate(zip(dtypes, is_number, strict=True)):
            if packs:
                numbers.setdefault(dtype, []).append(place)
            else:
                others.append([place])
        self._places = [*numbers.values(), *others]
        self.dtypes = [dtypes[places[0]] for places in self._places]

    def packed(self, parts: Sequence[Part]) -> list[Part]:
        """The parts, fewer of them."""
        return [_side_by_side([parts[place] for place in places]) for places in self._places]

    def unpacked(self, taken: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """The parts again, of rows that were taken of what is packed."""
        parts = {}
        for places, tensor in zip(self._places, taken, strict=True):
            if len(places) == 1:
                parts[places[0]] = tensor
            else:
                numbers = tf.ensure_shape(tensor, [None, len(places)])
                parts.update(zip(places, tf.unstack(numbers, axis=1), strict=True))
        return [parts[place] for place in range(len(parts))]


def _side_by_side(parts: Sequence[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    columns = [part.values for part in parts if isinstance(part, Single)]
    return Single(np.stack(columns, axis=1))
