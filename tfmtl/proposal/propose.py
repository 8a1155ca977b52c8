"""A config for data that none describes yet, with the reasons for it in comments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfmtl.config.wording import suggest
from tfmtl.data.look import Look, look_at
from tfmtl.errors import ConfigError
from tfmtl.proposal.features import Field, LeftOut, Outcome, Proposed, propose_feature
from tfmtl.proposal.histories import History, find_histories, make_sequence
from tfmtl.proposal.labels import Label, find_labels
from tfmtl.proposal.leaks import condition_of, consequence_of
from tfmtl.proposal.models import MODELS, propose_model
from tfmtl.proposal.profile import Profile
from tfmtl.proposal.writing import comment, in_one_line, indented, quoted, wrapped
from tfmtl.protos.dataset_pb2 import DatasetConfig

_BATCHES = 100  # That the rows should make at least, if they are so few that it matters.
_BATCH_SIZES = (32, 1024)
_SHUFFLED = 100_000
_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9]+")


def propose(
    data: str,
    labels: Sequence[str],
    *,
    model: str = "mmoe",
    rows: int = 100_000,
    eval_data: str = "",
) -> str:
    """Proposes a config.

    Args:
        data: Files of one format, as `train_input_path` names them.
        labels: The columns to learn, in the order of the user's path.
        model: The architecture.
        rows: How many rows to look at.
        eval_data: Files to evaluate on.

    Returns:
        The config's text.

    Raises:
        ConfigError: If the labels or the architecture do not fit the data.
        DataError: If the data cannot be read.
    """
    _check_model(model)
    return write(look_at(data, labels, rows), data, labels, model, eval_data)


def write(look: Look, data: str, labels: Sequence[str], model: str, eval_data: str = "") -> str:
    """Writes the config that a look at the data suggests; see `propose`."""
    _check_labels(labels, look)
    profiles = {
        name: Profile(name, cells, look.stored[name], look.is_all)
        for name, cells in look.cells.items()
    }
    found = find_labels([profiles.pop(name) for name in labels])
    text = propose_model(model, found)
    outcomes = _outcomes(profiles, look, found)
    proposed = {each.field.input_name: each for each in outcomes if isinstance(each, Proposed)}
    left_out = [each for each in outcomes if isinstance(each, LeftOut)]
    if not proposed:
        raise ConfigError([_nothing_left(data, left_out)])
    histories = find_histories(proposed, profiles)
    for history in histories:
        make_sequence(history, proposed)
    paths = (data, eval_data, f"experiments/{model}_on_{_plain_name(data)}")
    return "\n\n".join(
        [
            _head(data, look, paths),
            _TRAINING,
            _data_config(look, found, proposed, left_out),
            _feature_config(proposed),
            _model_config(proposed, histories, text),
            'export_config { exporter_type: "final" }\n',
        ]
    )


_TRAINING = """\
train_config {
  optimizer_config {
    adam_optimizer { learning_rate { constant_learning_rate { learning_rate: 0.003 } } }
  }
  save_checkpoints_steps: 500
  log_step_count_steps: 100
}"""


def _check_model(model: str) -> None:
    if model not in MODELS:
        rule = "`--model` should be an architecture that labels alone describe"
        raise ConfigError([f"{rule}. Received: {quoted(model)}.{suggest(model, sorted(MODELS))}"])


def _check_labels(labels: Sequence[str], look: Look) -> None:
    problems = []
    for index, name in enumerate(labels):
        if name in labels[:index]:
            problems.append(f"`--labels` should name each label once. Received: {quoted(name)}.")
        elif name not in look.stored:
            known = suggest(name, look.stored)
            problems.append(
                f"`--labels` should name columns of the data. Received: {quoted(name)}.{known}"
            )
        elif name not in look.cells:
            kind = look.stored[name]
            problems.append(f"Label `{name}` should have a number a row. Received: {kind}.")
    if problems:
        raise ConfigError(problems)


def _outcomes(
    profiles: Mapping[str, Profile], look: Look, labels: Sequence[Label]
) -> list[Outcome]:
    """What the columns become that are no labels, in the order of the data."""
    unread = {
        name: f"cells of {kind}; join lists to text, and write numbers as numbers"
        for name, kind in look.stored.items()
        if name and name not in look.cells
    }
    names = [name for name in look.stored if name in profiles or name in unread]
    return [
        LeftOut(name, unread[name])
        if name in unread
        else _outcome(profiles[name], look.is_text, labels)
        for name in names
    ]


def _outcome(profile: Profile, is_text: bool, labels: Sequence[Label]) -> Outcome:
    if label := consequence_of(profile, labels):
        reason = f"empty or 0 wherever {label} does not happen, so it may be known only afterwards"
        return LeftOut(profile.name, reason)
    outcome = propose_feature(profile, is_text)
    label = condition_of(profile, labels)
    if label and isinstance(outcome, Proposed):
        warning = f"CAUTION: {label} happens only with it; leave it out if it is known afterwards"
        return outcome._replace(note=f"{outcome.note}. {warning}")
    return outcome


def _nothing_left(data: str, left_out: Sequence[LeftOut]) -> str:
    reasons = "; ".join(f"`{name}`: {reason}" for name, reason in left_out) or "no other column"
    return (
        f"{data}: should have columns to make features of, beside the labels. Received: {reasons}."
    )


def _plain_name(data: str) -> str:
    """The data's name, as a directory can have it."""
    name = Path(data.split(",")[0]).name.partition(".")[0]
    return _NOT_OF_A_NAME.sub("_", name).strip("_") or "data"


def _head(data: str, look: Look, paths: tuple[str, str, str]) -> str:
    train, evaluation, model_dir = paths
    seen = f"all {look.rows:,} rows" if look.is_all else f"the first {look.rows:,} rows"
    lines = [
        comment(f"Proposed by `python -m tfmtl.init` from {seen} of {data}. Read it once."),
        f"train_input_path: {quoted(train)}",
    ]
    if evaluation:
        lines.append(f"eval_input_path: {quoted(evaluation)}")
    else:
        lines.append("# Rows that training does not see. Without them nothing is measured.")
        lines.append('# eval_input_path: ""')
    return "\n".join([*lines, f"model_dir: {quoted(model_dir)}"])


def _data_config(
    look: Look,
    labels: Sequence[Label],
    proposed: Mapping[str, Proposed],
    left_out: Sequence[LeftOut],
) -> str:
    reading = look.reading
    least, most = _BATCH_SIZES
    size = most
    while look.is_all and size > least and look.rows < _BATCHES * size:
        size //= 2
    lines = [f"input_type: {DatasetConfig.InputType.Name(reading.input_type)}"]
    if reading.with_header:
        lines.append("with_header: true")
    if reading.HasField("separator"):
        lines.append(f"separator: {quoted(reading.separator)}")
    if reading.data_compression_type:
        lines.append(f"data_compression_type: {quoted(reading.data_compression_type)}")
    lines += [f"batch_size: {size}", "num_epochs: 1", f"shuffle_buffer_size: {_SHUFFLED}"]
    lines.append(f"label_fields: [{', '.join(quoted(each.name) for each in labels)}]")
    lines += [in_one_line("input_fields", _label_field(each, look)) for each in labels]
    lines += [in_one_line("input_fields", each.field) for each in proposed.values()]
    lines += [comment(f"Left out: {each.name}: {each.reason}.") for each in left_out]
    return _block("data_config", lines)


def _label_field(label: Label, look: Look) -> Field:
    profile = label.profile
    kind = DatasetConfig.FLOAT
    if profile.is_truth:
        kind = DatasetConfig.BOOL
    elif profile.is_written_whole and profile.stored != "number":
        kind = DatasetConfig.INT64
    if profile.stored == "text" and not look.is_text:
        kind = DatasetConfig.STRING
    return Field(input_name=label.name, input_type=kind)


def _feature_config(proposed: Mapping[str, Proposed]) -> str:
    lines = []
    for each in proposed.values():
        lines += [
            comment(f"{each.field.input_name}: {each.note}."),
            in_one_line("features", each.feature),
        ]
    return _block("feature_config", lines)


def _model_config(
    proposed: Mapping[str, Proposed], histories: Sequence[History], model: str
) -> str:
    steps = {each.steps for each in histories}
    names = ", ".join(quoted(name) for name in proposed if name not in steps)
    group = ['group_name: "all"', f"feature_names: [\n{indented(wrapped(names))}\n]"]
    for history in histories:
        group.append(
            f"sequence_features {{\n  group_name: {quoted(history.steps)}\n"
            f"  seq_att_map {{ key: {quoted(history.target)} hist_seq: {quoted(history.steps)} }}\n"
            "  seq_dnn { hidden_units: [32, 16, 1] use_bn: false }\n  need_key_feature: false\n}"
        )
    lines = [_block("feature_groups", group), model, "embedding_regularization: 1e-5"]
    return _block("model_config", lines)


def _block(name: str, lines: Sequence[str]) -> str:
    return f"{name} {{\n" + "\n".join(map(indented, lines)) + "\n}"
