"""The feature groups, as an architecture reads them."""

from __future__ import annotations

from collections.abc import Callable

import tf_keras as keras

from tfmtl.errors import ConfigError


class Groups:
    """Feature groups by name, each a tensor `(batch, width)`.

    Embedding tables come into being when a group that needs them is first read.

    Args:
        build: Makes all groups over tables of their own, whose names end in the given suffix.

    Example:
        x = groups["all"]  # What most architectures read.
        x_ctr = groups.own("ctr")["all"]  # The same features, over tables of task ctr's own.
    """

    def __init__(
        self, build: Callable[..., dict[str, keras.KerasTensor]], suffix: str = ""
    ) -> None:
        self._build = build
        self._suffix = suffix
        self._tensors: dict[str, keras.KerasTensor] | None = None
        self._owned: dict[str, Groups] = {}

    def __getitem__(self, name: str) -> keras.KerasTensor:
        if self._tensors is None:
            self._tensors = self._build(suffix=self._suffix)
        if name not in self._tensors:
            known = ", ".join(f'"{group}"' for group in self._tensors)
            raise ConfigError(
                [f'`feature_groups` should have a group named "{name}". Received: {known}.']
            )
        return self._tensors[name]

    def own(self, owner: str) -> Groups:
        """The same groups over embedding tables that nobody but `owner` reads."""
        if owner not in self._owned:
            self._owned[owner] = Groups(self._build, suffix=f"_{owner}")
        return self._owned[owner]
