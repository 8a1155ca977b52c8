"""Rules of the widths in which stacks end: what is added up, or attended to, is of one width."""

from __future__ import annotations

from tfmtl.config.problems import Report
from tfmtl.config.rules import backbone
from tfmtl.config.rules.widths import member_widths, output_width
from tfmtl.protos import model_pb2, pipeline_pb2

_PATH = "model_config"


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Bottoms that are added end in one width, and so do a step and what it is handed."""
    model = pipeline.model_config
    for index, reader in enumerate(model.asymmetric_sharing.task_bottoms):
        path = f"{_PATH}.asymmetric_sharing.task_bottoms[{index}]"
        _check_join(reader, path, pipeline, report)
    for index in range(1, len(model.aitm.task_towers)):
        _check_step(index, pipeline, report)


def _check_join(
    reader: model_pb2.TaskBottoms, path: str, pipeline: pipeline_pb2.Pipeline, report: Report
) -> None:
    """A task that adds bottoms up names some of one width."""
    if reader.join == model_pb2.AsymmetricSharing.CONCAT:
        return
    x = _input_width(pipeline)
    stacks = {
        each.bottom_name: each.dnn for each in pipeline.model_config.asymmetric_sharing.bottoms
    }
    read = [stacks[name] for name in reader.bottom_names if name in stacks]
    # That a bottom has nothing in it is told already.
    filled = [each for each in read if each.hidden_units or each.interactions]
    widths = [output_width(pipeline, each, x) for each in filled]
    if len(set(widths)) > 1:
        join = model_pb2.AsymmetricSharing.Join.Name(reader.join)
        rule = f"name bottoms that end in the same width, because `join` is {join}"
        report.should(f"{path}.bottom_names", rule, widths, of=f"tower `{reader.tower_name}`")


def _check_step(index: int, pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """A step of aitm ends in the width of what the step before hands on."""
    message = pipeline.model_config.aitm
    tower, handed_on = message.task_towers[index], list(message.transfer_mlp.hidden_units)[-1:]
    units, has_interactions = list(tower.dnn.hidden_units), bool(tower.dnn.interactions)
    if not any(handed_on) or not (any(units) or has_interactions):
        return  # Told already.
    h = output_width(pipeline, message.bottom_dnn, _input_width(pipeline))
    width = output_width(pipeline, tower.dnn, h)
    if width == handed_on[0]:
        return
    path, of = f"{_PATH}.aitm.task_towers[{index}].dnn", f"tower `{tower.tower_name}`"
    rule = f"end in the width of `transfer_mlp`, {handed_on[0]}"
    if has_interactions:
        report.should(path, f"{rule}, its interactions included", width, of=of)
    else:
        report.should(f"{path}.hidden_units", rule, units, of=of)


def _input_width(pipeline: pipeline_pb2.Pipeline) -> int:
    """Width of what the architecture reads: the backbone's vector, or the group `all`."""
    if pipeline.model_config.HasField("backbone"):
        return backbone.output_width(pipeline)
    return sum(member_widths(pipeline, "all").values())
