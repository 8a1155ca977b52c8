"""From a file to a config that can be used, or to all that keeps it from being used."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection

from tfmtl.config.expansion import expand
from tfmtl.config.files import read
from tfmtl.config.overrides import Overrides, override
from tfmtl.config.parsed import Parsed
from tfmtl.config.problems import Problem, Report
from tfmtl.config.rules.paths import EVALUATION
from tfmtl.config.text_form import parse_text
from tfmtl.config.validation import check
from tfmtl.errors import ConfigError
from tfmtl.protos import pipeline_pb2

_LOG = logging.getLogger("tfmtl")


# What a config must give for `tfmtl train` and for `tfmtl evaluate`.
TO_TRAIN = ("train_input_path", "model_dir", EVALUATION)
TO_EVALUATE = ("eval_input_path", "model_dir")


def load(
    path: str | os.PathLike[str], *, overrides: Overrides = (), needs: Collection[str] = TO_TRAIN
) -> pipeline_pb2.Pipeline:
    """Loads a config file, makes the overrides and checks the result.

    Args:
        path: Text format (`.config`, `.pbtxt`, `.prototxt`) or JSON (`.json`).
        overrides: Values by path, such as `{"train_config.num_steps": 50}`; see `override`.
        needs: The paths that the config must give, of `train_input_path`, `eval_input_path` and
            `model_dir`.

    Raises:
        ConfigError: With every problem of the config, not only the first.
    """
    return _finish(read(path), overrides, needs, str(path))


def load_text(
    text: str,
    *,
    overrides: Overrides = (),
    needs: Collection[str] = TO_TRAIN,
    source: str = "<text>",
) -> pipeline_pb2.Pipeline:
    """Loads a config in text format; see `load`.

    Args:
        text: The config.
        overrides: Values by path.
        needs: The paths that the config must give.
        source: What to call the text in messages.

    Raises:
        ConfigError: With every problem of the config.
    """
    return _finish(parse_text(text, source), overrides, needs, source)


def validate(pipeline: pipeline_pb2.Pipeline, *, needs: Collection[str] = TO_TRAIN) -> list[str]:
    """Lists every problem of a config; empty if it can be used.

    Args:
        pipeline: The config.
        needs: The paths that it must give.
    """
    report = Report()
    check(pipeline, report, needs)
    return [problem.text for problem in report.problems]


def _finish(
    parsed: Parsed, overrides: Overrides, needs: Collection[str], source: str
) -> pipeline_pb2.Pipeline:
    report = parsed.report
    if parsed.complete:
        for sentence in override(parsed.pipeline, overrides):
            report.problems.append(Problem("", sentence))
        expand(parsed.pipeline)
        report.problems += _checked(parsed, needs)
    if report.problems:
        raise ConfigError([problem.text for problem in report.problems], source)
    for warning in report.warnings:
        _LOG.warning("%s", warning)
    return parsed.pipeline


def _checked(parsed: Parsed, needs: Collection[str]) -> list[Problem]:
    """Checks what could be read, without blaming the user for what could not."""
    report = Report()
    check(parsed.pipeline, report, needs)
    parsed.report.warnings += report.warnings
    return [each for each in report.problems if not parsed.damaged & {each.path, _owner(each.path)}]


def _owner(path: str) -> str:
    """The path of the message that a field is in."""
    return path.rpartition(".")[0]
