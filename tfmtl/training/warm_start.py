"""Starting from the weights of another model: `train_config.fine_tune_checkpoint`.

Weights are matched by name and shape, tables of embeddings one by one (`pieces.py`), so that a
model with another feature keeps the tables of all others, and the weights of all other numbers that
are embedded alike. With a weight comes what the optimizer remembers of it, if it is an optimizer of
the same kind. Steps, schedules and all else start anew; so does a table of which the rows may stand
for other words or bins than here. What reads a number of another scale comes along, and is told: a
scale from statistics is another one every day.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfmtl.config.wording import show, ticked
from tfmtl.errors import TrainingError
from tfmtl.protos import pipeline_pb2
from tfmtl.training.checkpoints import list_checkpoints, saved_state
from tfmtl.training.lazy_adam import LazyAdam
from tfmtl.training.model import MultiTaskModel
from tfmtl.training.pieces import Piece, pieces_of, placed_tables, weights_of
from tfmtl.training.same_features import Remade, find_remade
from tfmtl.training.saved_variables import saved_keys, saved_shapes
from tfmtl.training.writing import one_line

_PATH = "train_config.fine_tune_checkpoint"
_MAP_PATH = "train_config.fine_tune_ckpt_var_map"
_SLOT = re.compile(r"optimizer_(\d+)/([^/]+)/(.+)")
_SHOWN = 20
_ANOTHER_TRANSFORM = "another transform (of types, defaults, ids, words or bins)"

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Rules:
    """What is taken from where.

    Args:
        names: The name in the checkpoint of a weight that has another one there.
        filters: Parts of names; weights that have one in theirs keep their first values.
        fit_shapes: Whether a weight of another size gives what both have.
        remade: Tables whose rows stand for something else there. `names` and `fit_shapes`, which
            ask for them, go before.
    """

    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    filters: Sequence[str] = ()
    fit_shapes: bool = False
    remade: Collection[str] = ()


def start_warm(pipeline: pipeline_pb2.Pipeline, model: MultiTaskModel) -> None:
    """Gives a model the weights that its pipeline wants to start from, and tells which.

    Args:
        pipeline: Says the checkpoint; one without asks for nothing.
        model: The model, compiled.

    Raises:
        TrainingError: If the checkpoint or the map cannot be read, or they have nothing in common.
    """
    settings = pipeline.train_config
    if not settings.fine_tune_checkpoint:
        return
    path = _find(settings.fine_tune_checkpoint)
    filters = pipeline.model_config.restore_filters
    names = _read_map(settings.fine_tune_ckpt_var_map)
    try:
        saved = _Saved(path)
        remade = find_remade(pipeline, saved.fingerprints, _table_names(model))
        rules = Rules(names, filters, settings.force_restore_shape_compatible, remade.tables)
        taken, left = _restore(model, saved, rules)
    except (tf.errors.OpError, IndexError) as error:
        if _find(settings.fine_tune_checkpoint) != path:
            # Its own training goes on, and has put another one in the place of this.
            start_warm(pipeline, model)
            return
        rule = f"`{_PATH}` should be readable. Received: `{path}`."
        raise TrainingError(f"{rule} {one_line(error)}") from error
    _report(saved, taken, left)
    _tell_others(remade)


def _table_names(model: MultiTaskModel) -> set[str]:
    return {table for tables in placed_tables(model.network).values() for table in tables}


class _Saved:
    """What a checkpoint holds.

    Args:
        path: Its path.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._reader = tf.train.load_checkpoint(path)
        self._keys = saved_keys(path)
        self.shapes = saved_shapes(path)
        weights = {
            name.removeprefix("model/"): shape
            for name, shape in self.shapes.items()
            if name.startswith("model/")
        }
        state = saved_state(path)
        self.fingerprints = state.fingerprints
        pieces = pieces_of(weights, state.tables)
        self.pieces = {piece.name: piece for piece in pieces}
        self._slots: dict[str, dict[str, str]] = {}
        for match in filter(None, map(_SLOT.fullmatch, self.shapes)):
            self._slots.setdefault(match[3], {})[match[2]] = match[0]
        self._last: tuple[str, Any] = ("", None)

    def shape(self, piece: Piece) -> list[int]:
        """The shape of a piece."""
        return piece.shape_in(self.shapes[f"model/{piece.variable}"])

    def slots(self, piece: Piece) -> dict[str, str]:
        """What an optimizer remembered of a piece's variable: name of the variable, by slot."""
        return self._slots.get(piece.variable, {})

    def steps(self, slot: str) -> int:
        """The steps of the optimizer that has a slot, those before a warm start included."""
        optimizer = slot.partition("/")[0]
        counts = (f"{optimizer}/{count}" for count in ("iterations", "earlier_steps"))
        return sum(int(self._read(count)) for count in counts if count in self._keys)

    def values(self, variable: str, piece: Piece) -> np.ndarray:
        """The values of a piece in a variable: the one of the weights, or one as large."""
        values = self._read(variable)
        return values if piece.rows is None else values[slice(*piece.rows)]

    def _read(self, name: str) -> np.ndarray:
        if self._last[0] != name:  # The tables of a storage are read one after another.
            self._last = (name, self._reader.get_tensor(self._keys[name]))
        return self._last[1]


class _Write(NamedTuple):
    """Something to restore: a piece of a saved variable into a piece of one here."""

    saved: str
    source: Piece
    variable: tf.Variable
    piece: Piece


def _restore(
    model: MultiTaskModel, saved: _Saved, rules: Rules
) -> tuple[list[str], dict[str, str]]:
    """Restores what there is.

    Returns:
        The names of the pieces in the checkpoint that were taken, and those of the model's that
        were not restored, each with the reason.
    """
    weights = weights_of(model.network)
    writes, left = [], {}
    for piece in pieces_of(weights, placed_tables(model.network)):
        source = saved.pieces.get(rules.names.get(piece.name, piece.name))
        own = piece.shape_in(weights[piece.variable].shape.as_list())
        reason = _obstacle(piece, source, own, saved, rules)
        if reason or source is None:
            left[piece.name] = reason
        else:
            variable = weights[piece.variable]
            writes.append(_Write(f"model/{source.variable}", source, variable, piece))
    # Sorted, because a storage is read as a whole.
    for each in sorted([*writes, *_slot_writes(model, saved, writes)], key=lambda w: w.saved):
        _write(each.variable, each.piece, saved.values(each.saved, each.source))
    return [write.source.name for write in writes], left


def _obstacle(
    piece: Piece, source: Piece | None, own: list[int], saved: _Saved, rules: Rules
) -> str:
    """Why a piece is not restored; "" if it is."""
    if any(part in piece.name for part in rules.filters):
        return "left out by `restore_filters`"
    if source is None:
        return "not in the checkpoint"
    theirs = saved.shape(source)
    if piece.table in rules.remade and piece.name not in rules.names and not rules.fit_shapes:
        return f"read there by {_ANOTHER_TRANSFORM}"
    if theirs == own or (rules.fit_shapes and len(theirs) == len(own)):
        return ""
    return f"{theirs} in the checkpoint, {own} in the model"


def _slot_writes(
    model: MultiTaskModel, saved: _Saved, writes: Sequence[_Write]
) -> Iterator[_Write]:
    """What optimizers remember of restored weights, where theirs were of the same kind."""
    model.create_slots()
    for optimizer, variables in model.optimized():
        trained = {variable.ref() for variable in variables}
        for write in writes:
            slots = saved.slots(write.source)
            if write.variable.ref() not in trained or set(slots) != {*optimizer.get_slot_names()}:
                continue
            for slot, name in slots.items():
                target = optimizer.get_slot(write.variable, slot)
                yield _Write(name, write.source, target, write.piece)
            if isinstance(optimizer, LazyAdam):
                optimizer.earlier_steps.assign(saved.steps(next(iter(slots.values()))))


def _write(variable: tf.Variable, piece: Piece, values: np.ndarray) -> None:
    """Writes what there is of values into a piece; the rest of it stays as it is."""
    shape = piece.shape_in(variable.shape.as_list())
    if piece.rows is None and list(values.shape) == shape:
        variable.assign(values)
        return
    common = tuple(slice(min(sizes)) for sizes in zip(values.shape, shape, strict=True))
    first = piece.rows[0] if piece.rows else 0
    rows = slice(first, first + (common[0].stop or 0))
    variable[(rows, *common[1:])].assign(values[common])


def _find(wanted: str) -> str:
    """The checkpoint at a path, or the newest in a directory."""
    if tf.io.gfile.exists(f"{wanted}.index"):
        return wanted
    paths = list_checkpoints(wanted)
    if not paths:
        rule = f"`{_PATH}` should be the path of a checkpoint or of a directory of them."
        raise TrainingError(f"{rule} Received: {show(wanted)}.")
    return paths[0]


def _read_map(path: str) -> dict[str, str]:
    """The lines of a map, "<name here> <name in the checkpoint>", as a dict."""
    if not path:
        return {}
    try:
        text = tf.io.gfile.GFile(path).read()
    except (tf.errors.OpError, UnicodeDecodeError) as error:
        problem = f"`{_MAP_PATH}` should name a text file. Received: {show(path)}."
        raise TrainingError(f"{problem} {one_line(error)}") from error
    return dict(_map_lines(path, text))


def _map_lines(path: str, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if len(words) not in (0, 2):
            rule = f"`{_MAP_PATH}` should have the name here and the name there in each line."
            raise TrainingError(f"{rule} Received in {path}:{number}: {show(line)}.")
        if words:
            yield words[0].removeprefix("model/"), words[1].removeprefix("model/")


def _report(saved: _Saved, taken: Sequence[str], left: Mapping[str, str]) -> None:
    if not taken:
        raise TrainingError(
            f"`{_PATH}` should have weights of this model. Received: `{saved.path}`, which has "
            f"none of its name and shape.\n{_listed(left)}"
        )
    count = len(taken) + len(left)
    _log.info("Starting from `%s`: %d of %d weights are its.", saved.path, len(taken), count)
    unused = {name: "not in the model" for name in saved.pieces if name not in {*taken, *left}}
    if left:
        _log.warning("These start anew:\n%s", _listed(left))
    if unused:
        _log.warning("These of the checkpoint are not used:\n%s", _listed(unused))


def _tell_others(remade: Remade) -> None:
    if remade.others:
        _log.warning(
            "Weights that read %s come along, though it was made there by another transform (of "
            "types, defaults, scale, function, ids, words or bins).",
            ticked(remade.others),
        )


def _listed(reasons: Mapping[str, str]) -> str:
    lines = [f"  {name}: {reason}" for name, reason in reasons.items()]
    more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([*lines[:_SHOWN], *more])
