"""Changing single fields of a config, as `--set` and `--edit_config_json` do."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tfmtl.config.edit_path import Comparison, PathError, Step, parse_path, split
from tfmtl.config.field_values import MessageError, to_value, to_values
from tfmtl.config.parsed import join, unknown_field, wrong_value
from tfmtl.config.wording import show
from tfmtl.protos import pipeline_pb2

Overrides = Mapping[str, Any] | Sequence[tuple[str, Any]]

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


class _OverrideError(ValueError):
    """An override that cannot be made. Its message is the sentence for the user."""


def override(config: Message, overrides: Overrides) -> list[str]:
    """Makes every override that can be made, one after the other.

    Args:
        config: The config to change.
        overrides: Values by path. Numbers, booleans and names of enums may be given as text; a list
            is a list or text such as `[1, 2]`, a message is text such as `{ hidden_units: 8 }`, and
            takes the place of what is there. Several overrides may stand in one, joined by `;` in
            path and value alike.

    Returns:
        A sentence for each that cannot be made.
    """
    pairs = overrides.items() if isinstance(overrides, Mapping) else overrides
    problems = []
    for path, value in pairs:
        try:
            for each_path, each_value in _single(path, value):
                _set(config, each_path, each_value)
        except _OverrideError as error:
            problems.append(f"override: {error}")
    return problems


def _single(path: str, value: Any) -> list[tuple[str, Any]]:
    """Takes an override apart that has several, joined by `;`."""
    paths = split(path, ";")
    if len(paths) == 1:
        return [(path, value)]
    values = str(value).split(";")
    if len(values) != len(paths):
        raise _OverrideError(
            f"`{path}` should have as many values as paths, {len(paths)}. "
            f"Received: {show(str(value))}."
        )
    return list(zip(paths, values, strict=True))


def _set(config: Message, path: str, value: Any) -> None:
    try:
        *way, last = parse_path(path)
    except PathError as error:
        raise _OverrideError(f"`{path}` is not a path: {error}.") from None
    owners = [(config, "")]
    for step in _as_spelled(config, way):
        owners = [found for message, at in owners for found in _messages(message, step, at)]
    for message, at in owners:
        _set_field(message, last, value, at)


def _as_spelled(config: Message, way: list[Step]) -> list[Step]:
    """A way to features in the spelling of the list that the config has; others as they are."""
    if not isinstance(config, pipeline_pb2.Pipeline):
        return way
    names = [step.name for step in way]
    if names[:2] == ["feature_config", "features"] and config.feature_configs:
        return [way[1]._replace(name="feature_configs"), *way[2:]]
    if names[:1] == ["feature_configs"] and config.feature_config.features:
        outer = Step("feature_config", None, "feature_config")
        return [outer, way[0]._replace(name="features"), *way[1:]]
    return way


def _field(message: Message, step: Step, at: str) -> FieldDescriptor:
    field: Any = message.DESCRIPTOR.fields_by_name.get(step.name)
    if field is None:
        raise _OverrideError(unknown_field(message.DESCRIPTOR, at, step.name))
    if step.selector is not None and not field.is_repeated:
        path = join(at, step.name)
        raise _OverrideError(f"`{path}` is not a list, so `{step.text}` has no meaning.")
    return field


def _messages(message: Message, step: Step, at: str) -> Iterator[tuple[Message, str]]:
    """Yields the messages that a step leads to."""
    field, path = _field(message, step, at), join(at, step.name)
    if field.message_type is None:
        raise _OverrideError(f"`{path}` has no fields.")
    if not field.is_repeated:
        yield getattr(message, step.name), path
        return
    if step.selector is None:
        examples = f"`{step.name}[0]`, `{step.name}[:]`"
        raise _OverrideError(f"`{path}` is a list. Choose in it, as in {examples}.")
    values = getattr(message, step.name)
    for index in _chosen(values, step, path):
        yield values[index], f"{path}[{index}]"


def _chosen(values: Sequence[Any], step: Step, path: str) -> list[int]:
    """The places in a list that a selector means."""
    places, selector = range(len(values)), step.selector
    if isinstance(selector, Comparison):
        chosen = [place for place in places if _compares(values[place], selector, path)]
    elif isinstance(selector, slice):
        chosen = list(places[selector])
    else:
        chosen = [place for place in places if selector in (place, place - len(values))]
    if not chosen:
        raise _OverrideError(f"`{step.text}` chooses nothing: `{path}` has {len(values)} values.")
    return chosen


def _compares(message: Any, comparison: Comparison, path: str) -> bool:
    """Whether a field of a message, or one of its values, compares as it should."""
    if not isinstance(message, Message):
        raise _OverrideError(f"`{path}` is a list of plain values. Choose by place, as in [0].")
    *way, last = comparison.path
    owners = [(message, path)]
    for step in way:
        owners = [found for owner, at in owners for found in _messages(owner, step, at)]
    compare = _COMPARE[comparison.operator]
    return any(
        compare(value, _converted(_field(owner, last, at), comparison.value, join(at, last.name)))
        for owner, at in owners
        for value in _values(owner, last, at)
    )


def _values(message: Message, step: Step, at: str) -> Sequence[Any]:
    """What stands in a field: one value, all of a list, or those of it that are chosen."""
    field = _field(message, step, at)
    value = getattr(message, step.name)
    if not field.is_repeated:
        return [value]
    if step.selector is None:
        return value
    return [value[place] for place in _chosen(value, step, join(at, step.name))]


def _set_field(message: Message, step: Step, value: Any, at: str) -> None:
    field, path = _field(message, step, at), join(at, step.name)
    if not field.is_repeated:
        _assign(message, field, _converted(field, value, path))
    elif step.selector is None:
        converted = _converted(field, value, path, to_values)
        message.ClearField(step.name)
        getattr(message, step.name).extend(converted)
    else:
        values = getattr(message, step.name)
        for place in _chosen(values, step, path):
            _replace(values, place, _converted(field, value, path))


def _replace(values: Any, place: int, value: Any) -> None:
    if isinstance(value, Message):
        values[place].CopyFrom(value)
    else:
        values[place] = value


def _assign(message: Message, field: FieldDescriptor, value: Any) -> None:
    if field.message_type:
        getattr(message, field.name).CopyFrom(value)
        getattr(message, field.name).SetInParent()
    else:
        setattr(message, field.name, value)


def _converted(
    field: FieldDescriptor,
    value: Any,
    path: str,
    convert: Callable[[FieldDescriptor, Any], Any] = to_value,
) -> Any:
    try:
        return convert(field, value)
    except MessageError as error:
        raise _OverrideError(f"`{path}` cannot be read: {error}.") from None
    except (TypeError, ValueError, OverflowError):
        raise _OverrideError(wrong_value(field, path, show(value))) from None
