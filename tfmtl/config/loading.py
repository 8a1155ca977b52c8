"""From a file to a config that can be used, or to all that keeps it from being used."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection

from tfmtl.config.expansion import expand
from tfmtl.config.files import read
from tfmtl.config.imports import Imported, bring_imports
from tfmtl.config.overrides import Overrides, override
from tfmtl.config.parsed import Parsed
from tfmtl.config.problems import Problem, Report
from tfmtl.config.rules.paths import EVALUATION
from tfmtl.config.statistics import fit
from tfmtl.config.text_form import parse_text
from tfmtl.config.validation import check
from tfmtl.errors import ConfigError
from tfmtl.protos import pipeline_pb2

_LOG = logging.getLogger("tfmtl")


# What a config must give for `tfmtl train` and for `tfmtl evaluate`.
TO_TRAIN = ("train_input_path", "model_dir", EVALUATION)
TO_EVALUATE = ("eval_input_path", "model_dir")


def load(
    path: str | os.PathLike[str],
    *,
    overrides: Overrides = (),
    needs: Collection[str] = TO_TRAIN,
    fitted: bool = True,
) -> pipeline_pb2.Pipeline:
    """Loads a config file, makes the overrides, checks the result and fits it to its statistics.

    Args:
        path: Text format (`.config`, `.pbtxt`, `.prototxt`) or JSON (`.json`).
        overrides: Values by path, such as `{"train_config.num_steps": 50}`; see `override`.
        needs: The paths that the config must give, of `train_input_path`, `eval_input_path` and
            `model_dir`.
        fitted: Whether to fill in what features take from statistics.

    Raises:
        ConfigError: With every problem of the config, not only the first.
    """
    return _finish(read(path), overrides, needs, str(path), fitted)


def load_text(
    text: str,
    *,
    overrides: Overrides = (),
    needs: Collection[str] = TO_TRAIN,
    source: str = "<text>",
    fitted: bool = True,
) -> pipeline_pb2.Pipeline:
    """Loads a config in text format; see `load`.

    Args:
        text: The config.
        overrides: Values by path.
        needs: The paths that the config must give.
        source: What to call the text in messages.
        fitted: Whether to fill in what features take from statistics.

    Raises:
        ConfigError: With every problem of the config.
    """
    return _finish(parse_text(text, source), overrides, needs, source, fitted)


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
    parsed: Parsed[pipeline_pb2.Pipeline],
    overrides: Overrides,
    needs: Collection[str],
    source: str,
    fitted: bool,
) -> pipeline_pb2.Pipeline:
    report = parsed.report
    imported = bring_imports(parsed)
    if parsed.complete:
        for sentence in override(parsed.message, overrides):
            report.problems.append(Problem("", sentence))
        expand(parsed.message)
        report.problems += _checked(parsed, imported, needs, fitted)
    if report.problems:
        raise ConfigError([problem.text for problem in report.problems], source)
    for warning in report.warnings:
        _LOG.warning("%s", warning)
    return parsed.message


def _checked(
    parsed: Parsed[pipeline_pb2.Pipeline], imported: Imported, needs: Collection[str], fitted: bool
) -> list[Problem]:
    """Checks what could be read, without blaming the user for what could not."""
    report = Report()
    check(parsed.message, report, needs)
    if fitted:
        fit(parsed.message, report)
    imported.check_order(parsed.message.data_config, report)
    parsed.report.warnings += map(imported.told, report.warnings)
    damaged = parsed.damaged | imported.damaged
    return [
        Problem(each.path, imported.told(each.text))
        for each in report.problems
        if not damaged & _holders(each.path)
    ]


def _holders(path: str) -> set[str]:
    """A field's path, that of the message it is in, and that of the list which this is in."""
    message = path.rpartition(".")[0]
    return {path, message, message.rpartition("[")[0] if message.endswith("]") else message}
