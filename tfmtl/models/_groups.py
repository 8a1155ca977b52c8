"""The feature groups, as an architecture reads them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import tf_keras as keras

from tfmtl.errors import ConfigError


class Groups:
    """Feature groups by name, each a tensor `(batch, width)`.

    Embedding tables come into being when a group that needs them is first read.

    Args:
        build: Makes all groups over tables of their own, whose names end in the given suffix.
        wide: Makes a linear function of a group, see `build_wide`.
        sizes: How many features each group has.
        suffix: That ending.

    Example:
        x = groups["all"]  # What most architectures read.
        x_ctr = groups.own("ctr")["all"]  # The same features, over tables of task ctr's own.
    """

    def __init__(
        self,
        build: Callable[..., dict[str, keras.KerasTensor]],
        wide: Callable[..., keras.KerasTensor],
        sizes: Mapping[str, int],
        suffix: str = "",
    ) -> None:
        self._build = build
        self._wide = wide
        self._sizes = sizes
        self._suffix = suffix
        self._tensors: dict[str, keras.KerasTensor] | None = None
        self._owned: dict[str, Groups] = {}

    def __getitem__(self, name: str) -> keras.KerasTensor:
        if self._tensors is None:
            self._tensors = self._build(suffix=self._suffix)
        _require(name, self._tensors)
        return self._tensors[name]

    def own(self, owner: str) -> Groups:
        """The same groups over embedding tables that nobody but `owner` reads."""
        if owner not in self._owned:
            self._owned[owner] = Groups(self._build, self._wide, self._sizes, suffix=f"_{owner}")
        return self._owned[owner]

    def size(self, name: str) -> int:
        """How many features a group has."""
        _require(name, self._sizes)
        return self._sizes[name]

    def wide(self, name: str, width: int, l2: float, layer: str) -> keras.KerasTensor:
        """A linear function of a group's ids and numbers, (batch, width), over tables of its own.

        Args:
            name: The group.
            width: Width of the result.
            l2: Penalty on the kernel of the numbers.
            layer: Begins the names of its layers.
        """
        _require(name, self._sizes)
        return self._wide(group_name=name, width=width, l2=l2, name=layer)


def _require(name: str, known: Collection[str]) -> None:
    if name not in known:
        names = ", ".join(f'"{group}"' for group in known)
        raise ConfigError(
            [f'`feature_groups` should have a group named "{name}". Received: {names}.']
        )
