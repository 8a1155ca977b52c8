"""Config files: reading by their kind, and writing."""

from __future__ import annotations

import os
import pathlib
import uuid

from google.protobuf import text_format
from google.protobuf.message import Message

from tfmtl.config.json_form import parse_json
from tfmtl.config.parsed import Parsed
from tfmtl.config.text_form import parse_catalogue, parse_text
from tfmtl.config.wording import one_of
from tfmtl.errors import ConfigError
from tfmtl.protos import catalogue_pb2, pipeline_pb2

SAVED = "pipeline.config"  # A config in a `model_dir`, and in an export.
_PARSERS = {
    ".config": parse_text,
    ".pbtxt": parse_text,
    ".prototxt": parse_text,
    ".json": parse_json,
}


def read(path: str | os.PathLike[str]) -> Parsed[pipeline_pb2.Pipeline]:
    """Reads a config file, text format or JSON by its extension.

    Raises:
        ConfigError: It is neither, or cannot be opened.
    """
    path = pathlib.Path(path)
    if path.suffix not in _PARSERS:
        kinds = one_of(_PARSERS)
        raise ConfigError([f"{path}: A config's name should end in {kinds}."], str(path))
    return _PARSERS[path.suffix](_contents(path), str(path))


def read_catalogue(path: str | os.PathLike[str]) -> Parsed[catalogue_pb2.FeatureCatalogue]:
    """Reads a file of features, in text format.

    Raises:
        ConfigError: It cannot be opened.
    """
    return parse_catalogue(_contents(pathlib.Path(path)), str(path))


def _contents(path: pathlib.Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}."], str(path)) from error
    except UnicodeDecodeError as error:
        text = f"{path}: A config should be UTF-8 text. Byte {error.start} is not."
        raise ConfigError([text], str(path)) from error


def to_text(message: Message) -> str:
    """Writes a config, or another message, in text format."""
    return text_format.MessageToString(message, as_utf8=True)


def save(message: Message, path: str | os.PathLike[str]) -> None:
    """Writes a config, as it is after all overrides, or another message in text format.

    Args:
        message: The message.
        path: The file.
    """
    write_text(to_text(message), path)


def write_text(text: str, path: str | os.PathLike[str]) -> None:
    """Writes a file; a reader sees the old one or the new one, never a part.

    Args:
        text: What is written.
        path: The file. Its directory is made if it does not exist.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = aside(path)
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def aside(path: pathlib.Path) -> pathlib.Path:
    """A hidden name beside a path for what is not complete yet, which no other writer has.

    A process's number would not do: two containers that write to one folder may both have it.
    """
    return path.with_name(f".tmp-{uuid.uuid4().hex}-{path.name}")
