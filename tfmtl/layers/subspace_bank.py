"""A bank of networks whose layers have sub-spaces, kept apart by a penalty on their kernels.

    penalty = orthogonality · Σ_{networks k, layers l} Σ_{g<h} ‖W_{k,l,g}ᵀ·W_{k,l,h}‖_F²

W_{k,l,g} are the columns of the kernel W_{k,l} that make sub-space g.

Ruder et al. 2017, "Latent Multi-task Architecture Learning" (arXiv:1705.08142).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.expert_bank import BankDense, ExpertBank


@keras.utils.register_keras_serializable("tfmtl")
class SubspaceBank(ExpertBank):
    """An `ExpertBank` with that penalty among its losses.

    Args:
        num_experts: How many networks.
        hidden_units: Width of each layer, a multiple of `num_subspaces`.
        num_subspaces: How many sub-spaces a layer has.
        orthogonality: Weight of the penalty.
        **kwargs: As for `ExpertBank`.
    """

    def __init__(
        self,
        num_experts: int,
        hidden_units: Sequence[int],
        num_subspaces: int = 2,
        orthogonality: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_experts, hidden_units, **kwargs)
        self.num_subspaces = num_subspaces
        self.orthogonality = orthogonality
        if orthogonality and num_subspaces > 1:
            self.add_loss(self._penalty)

    def _penalty(self) -> tf.Tensor | None:
        kernels = [
            step.kernel for step in self._steps if isinstance(step, BankDense) and step.built
        ]
        overlaps = [
            tf.reduce_sum(tf.square(tf.matmul(one, other, transpose_a=True)))
            for kernel in kernels
            for one, other in itertools.combinations(
                tf.split(kernel, self.num_subspaces, axis=-1), 2
            )
        ]
        return self.orthogonality * tf.add_n(overlaps) if overlaps else None

    def get_config(self) -> dict[str, Any]:
        names = ("num_subspaces", "orthogonality")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
