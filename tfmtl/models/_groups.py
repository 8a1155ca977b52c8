"""The feature groups, as an architecture reads them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import tf_keras as keras

from tfmtl.errors import ConfigError
from tfmtl.features.groups import Group


class Groups:
    """Feature groups by name, each a tensor `(batch, width)`.

    Embedding tables come into being when a group that needs them is first read. Where there is a
    backbone, the group `all` is what that makes of the others.

    Args:
        build: Makes all groups over tables of their own, whose names end in the given suffix.
        wide: Makes a linear function of a group, see `build_wide`.
        sizes: How many features each group has.
        backbone: Makes the backbone's output of these groups, with names that end in the suffix.
        suffix: That ending.

    Example:
        x = groups["all"]  # What most architectures read.
        x_ctr = groups.own("ctr")["all"]  # The same features, over tables of task ctr's own.
    """

    def __init__(
        self,
        build: Callable[..., dict[str, Group]],
        wide: Callable[..., keras.KerasTensor],
        sizes: Mapping[str, int],
        backbone: Callable[[Groups, str], Any] | None = None,
        suffix: str = "",
    ) -> None:
        self._build = build
        self._wide = wide
        self._sizes = sizes
        self._backbone = backbone
        self._suffix = suffix
        self._groups: dict[str, Group] | None = None
        self._output: Any = None
        self._owned: dict[str, Groups] = {}

    def __getitem__(self, name: str) -> keras.KerasTensor:
        if self._backbone is not None and name == "all":
            return self.backbone()
        return self.vector(name)

    def backbone(self) -> Any:
        """What the backbone gives: a tensor `(batch, width)`, or a list of one for each task."""
        if self._output is None and self._backbone is not None:
            self._output = self._backbone(self, self._suffix)
        return self._output

    def vector(self, name: str) -> keras.KerasTensor:
        """The features of a group side by side, with a backbone or without."""
        return self._group(name).vector

    def features(self, name: str) -> list[keras.KerasTensor]:
        """The features of a group one by one, see `Group`."""
        return self._group(name).features

    def own(self, owner: str) -> Groups:
        """The same groups over embedding tables that nobody but `owner` reads."""
        if owner not in self._owned:
            self._owned[owner] = Groups(
                self._build, self._wide, self._sizes, self._backbone, suffix=f"_{owner}"
            )
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

    def _group(self, name: str) -> Group:
        if self._groups is None:
            self._groups = self._build(suffix=self._suffix)
        _require(name, self._groups)
        return self._groups[name]


def _require(name: str, known: Collection[str]) -> None:
    if name not in known:
        names = ", ".join(f'"{group}"' for group in known)
        raise ConfigError(
            [f'`feature_groups` should have a group named "{name}". Received: {names}.']
        )
