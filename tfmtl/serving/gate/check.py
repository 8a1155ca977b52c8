"""The gate as a whole: every rule of the files and of the graph, then the answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from tfmtl.errors import ExportError
from tfmtl.serving.gate import file_rules, graph_rules, request_rules, signature_rules
from tfmtl.serving.gate.answers import Asked, check_answers
from tfmtl.serving.gate.version import Rule, Version
from tfmtl.serving.prediction_logs import Record

# Without these nothing else can be looked at.
_FIRST: tuple[Rule, ...] = (
    file_rules.loadable,
    file_rules.whole_variables,
)

RULES: tuple[Rule, ...] = (
    file_rules.numbered,
    file_rules.complete,
    file_rules.allowed_tolerance,
    signature_rules.one_tag,
    signature_rules.default_signature,
    signature_rules.known_methods,
    signature_rules.told_names,
    signature_rules.plain_names,
    signature_rules.dense,
    signature_rules.batch_first,
    signature_rules.known_types,
    signature_rules.inputs_read,
    graph_rules.core_operations,
    graph_rules.no_must_compile,
    graph_rules.kept_inside,
    graph_rules.stateless,
    graph_rules.certain,
    graph_rules.files_are_assets,
    graph_rules.small_constants,
    graph_rules.recorded_versions,
    file_rules.assets_there,
    file_rules.small_graph,
    file_rules.variables_of_inference,
    file_rules.batching_file,
    request_rules.few_warmups,
    request_rules.small_requests,
    request_rules.acceptable_warmups,
    request_rules.acceptable_golden_requests,
)

# What the others would tell more of.
_LAST: tuple[Rule, ...] = (file_rules.unchanged,)


@dataclasses.dataclass(frozen=True)
class Passed:
    """What an export has passed.

    Args:
        folder: The version.
        rules: What each rule says.
        asked: What was found by asking it; None if it was not asked.
    """

    folder: Path
    rules: Sequence[str]
    asked: Asked | None

    def lines(self) -> list[str]:
        """It in words, for people."""
        return [f"Checked `{self.folder}`:", *(f"  {rule}" for rule in self.rules), *self._asked()]

    def _asked(self) -> list[str]:
        if self.asked is None:
            return []
        warm = [
            f"  {record.signature}, {_size(record)}: "
            f"{answered.first_ms:.1f} ms, then {answered.again_ms:.1f}"
            for record, answered in self.asked.warmups
        ]
        return [
            f"In TensorFlow's C library it loads in {self.asked.load_ms:.0f} ms and answers "
            f"{self.asked.trials} requests as the trained model, to {self.asked.deviation:.1g}. "
            "Its warm-up requests:",
            *warm,
        ]


def check_export(folder: Path, ask: bool = True) -> Passed:
    """Holds a version to every rule, and to the answers of the trained model.

    Args:
        folder: The version.
        ask: Whether to ask it; otherwise it is only looked at.

    Raises:
        ExportError: With all that is wrong, each in a line.
    """
    version = Version(folder)
    for rules in (_FIRST, RULES):
        _hold(version, rules)
    asked = check_answers(version) if ask else None
    _hold(version, _LAST)
    return Passed(folder, [_said(rule) for rule in (*_FIRST, *RULES, *_LAST)], asked)


def _hold(version: Version, rules: Sequence[Rule]) -> None:
    if problems := [problem for rule in rules for problem in _problems(rule, version)]:
        raise ExportError("\n".join(dict.fromkeys(problems)))


def _problems(rule: Rule, version: Version) -> list[str]:
    try:
        return list(rule(version))
    except ExportError as error:  # What it looks at cannot be read.
        return [str(error)]


def _said(rule: Rule) -> str:
    """The rule in one sentence."""
    return (rule.__doc__ or "").splitlines()[0]


def _size(record: Record) -> str:
    """`16 rows`, or `1 x 16` of a list of 16."""
    longest = max((value.shape for value in record.inputs.values()), key=len)
    return f"{record.rows} rows" if len(longest) == 1 else " x ".join(map(str, longest))
