"""The architectures that can be proposed: their parameters, and the towers of some labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tfmtl.errors import ConfigError
from tfmtl.proposal.labels import Label
from tfmtl.proposal.writing import indented, quoted

_BOTTOM = "bottom_dnn { hidden_units: [128, 64] use_bn: false }"
_EXPERT = "expert_dnn { hidden_units: [128, 64] use_bn: false }"
_EXPERTS = f"{_EXPERT}\nnum_expert: 4"
_LEVEL = "levels { expert_dnn { hidden_units: %s use_bn: false } num_expert: 4 }"
_NETWORK = """\
extraction_networks {
  expert_num_per_task: 2
  share_num: 2
  task_expert_net { hidden_units: %(units)s use_bn: false }
  share_expert_net { hidden_units: %(units)s use_bn: false }
}"""
_TOWER_DNN = "dnn { hidden_units: [64, 32] use_bn: false }"

# What an architecture has before its towers, if it takes any labels.
_OF_ANY_LABELS: Mapping[str, str] = {
    "single_task": _BOTTOM,
    "simple_multi_task": "",
    "shared_bottom": _BOTTOM,
    "customized_sharing": f"{_BOTTOM}\ntask_bottom_dnn {{ hidden_units: [64, 32] use_bn: false }}",
    "tensor_factorization": f"{_BOTTOM}\ninput_rank: 16\noutput_rank: 16\ntask_rank: 2",
    "omoe": _EXPERTS,
    "mmoe": _EXPERTS,
    "ml_mmoe": f"{_LEVEL % '128'}\n{_LEVEL % '64'}",
    "cgc": f"{_EXPERT}\nexpert_num_per_task: 2\nshare_num: 2",
    "ple": f"{_NETWORK % {'units': '128'}}\n{_NETWORK % {'units': '64'}}",
}
# The same, if the tasks are compared with each other.
_OF_TWO_LABELS: Mapping[str, str] = {
    "l2_constrained": _BOTTOM,
    "cross_stitch": _BOTTOM,
    "sluice": "bottom_dnn { hidden_units: [64, 64] use_bn: false }",
}


def propose_model(model: str, labels: Sequence[Label]) -> str:
    """The text of an architecture's field.

    Raises:
        ConfigError: If it takes other labels.
    """
    return f"{model} {{\n{indented(MODELS[model](labels))}\n}}"


def _any_labels(start: str, least: int, model: str) -> Callable[[Sequence[Label]], str]:
    def write(labels: Sequence[Label]) -> str:
        _need(model, labels, len(labels) >= least, f"{least} labels or more")
        return _joined(start, *(_tower("task_towers", label) for label in labels))

    return write


def _asymmetric_sharing(labels: Sequence[Label]) -> str:
    """A bottom for all, and one of each task's own."""
    names = [label.tower for label in labels]
    bottom = "bottoms { bottom_name: %s dnn { hidden_units: %s use_bn: false } }"
    read = 'task_bottoms { tower_name: %s bottom_names: ["shared", %s] }'
    own = [quoted(f"own_{name}") for name in names]
    return _joined(
        bottom % ('"shared"', "[128, 64]"),
        *(bottom % (name, "[64, 32]") for name in own),
        *(read % (quoted(name), its) for name, its in zip(names, own, strict=True)),
        *(_tower("task_towers", label) for label in labels),
    )


def _dbmtl(labels: Sequence[Label]) -> str:
    """Each task reads the one whose event comes before its own."""
    by_name = {label.name: label for label in labels}

    def depth(label: Label) -> int:
        return 1 + depth(by_name[label.space]) if label.space else 0

    def relation(label: Label) -> list[str]:
        if not label.space:
            return []
        named = f"relation_tower_names: {quoted(by_name[label.space].tower)}"
        return [named, "relation_dnn { hidden_units: 32 use_bn: false }"]

    ordered = sorted(labels, key=depth)
    towers = (_tower("task_towers", label, more=relation(label)) for label in ordered)
    return _joined(_BOTTOM, *towers)


def _aitm(labels: Sequence[Label]) -> str:
    rule = "two labels or more, yes or no, in the order of the user's path"
    _need("aitm", labels, len(labels) > 1 and all(each.is_binary for each in labels), rule)
    towers = (_tower("task_towers", label, in_space=False) for label in labels)
    return _joined(_BOTTOM, "transfer_mlp { hidden_units: 32 use_bn: false }", *towers)


def _path(model: str, fields: Sequence[str], steps: str) -> Callable[[Sequence[Label]], str]:
    """An architecture of so many steps; towers beyond them are of the last label, too."""

    def write(labels: Sequence[Label]) -> str:
        own = len(steps.split(", "))
        is_path = len(labels) == own and all(each.is_binary for each in labels)
        _need(model, labels, is_path, f"{own} labels, yes or no, in the order {steps}")
        towers = [
            _tower(f, label, in_space=False) for f, label in zip(fields, labels, strict=False)
        ]
        if len(fields) > own:
            towers.append(
                _tower(fields[-1], labels[-1], in_space=False, name=f"{labels[-1].tower}_otherwise")
            )
        return _joined(_BOTTOM if model == "esm2" else "", *towers)

    return write


MODELS: Mapping[str, Callable[[Sequence[Label]], str]] = {
    **{name: _any_labels(start, 1, name) for name, start in _OF_ANY_LABELS.items()},
    **{name: _any_labels(start, 2, name) for name, start in _OF_TWO_LABELS.items()},
    "asymmetric_sharing": _asymmetric_sharing,
    "dbmtl": _dbmtl,
    "aitm": _aitm,
    "esmm": _path("esmm", ("ctr_tower", "cvr_tower"), "click, conversion"),
    "division": _path("division", ("ctr_tower", "ctcvr_tower"), "click, conversion"),
    "esm2": _path(
        "esm2",
        ("click_tower", "action_tower", "buy_after_action_tower", "buy_after_other_tower"),
        "click, action, purchase",
    ),
}


def _tower(
    field: str, label: Label, *, in_space: bool = True, name: str = "", more: Sequence[str] = ()
) -> str:
    lines = [f"tower_name: {quoted(name or label.tower)}", f"label_name: {quoted(label.name)}"]
    if label.num_class > 1:
        lines += [f"num_class: {label.num_class}", "metrics_set { accuracy {} }"]
    elif label.is_binary:
        lines += ["metrics_set { auc {} }", "metrics_set { logloss {} }"]
    else:
        lines += ["loss_type: L2_LOSS", "metrics_set { root_mean_squared_error {} }"]
    lines += [_TOWER_DNN, *more]
    if in_space and label.space:
        lines += [
            f"# It happens only where {label.space} does: learned and measured there alone.",
            f"task_space_indicator_label: {quoted(label.space)}",
            "out_task_space_weight: 0",
        ]
    return f"# {label.name}: {label.told}.\n{field} {{\n{indented(_joined(*lines))}\n}}"


def _need(model: str, labels: Sequence[Label], is_met: bool, rule: str) -> None:
    if not is_met:
        received = ", ".join(
            f"`{each.name}`" + ("" if each.is_binary else " (not yes or no)") for each in labels
        )
        raise ConfigError([f"`--model {model}` should have {rule}. Received: {received}."])


def _joined(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
