"""Rules of `model_config`: one architecture, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tfmtl.config.problems import Report
from tfmtl.config.rules import experts, funnels, networks, sharing
from tfmtl.config.rules.common import check_at_least
from tfmtl.config.rules.layers import check_dnn
from tfmtl.config.rules.tasks import check_towers
from tfmtl.config.support import built_fields
from tfmtl.config.views import architecture, architectures, placed_towers
from tfmtl.config.wording import one_of
from tfmtl.protos import model_pb2, pipeline_pb2

_PATH = "model_config"
# Where EasyRec's class is not called as the message.
_CLASS_NAMES = {"ModelParams": "MultiTaskModel"}


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """There is an architecture, it is what `model_class` says, and it has its parts."""
    model, name = pipeline.model_config, architecture(pipeline)
    check_at_least(report, f"{_PATH}.embedding_regularization", model.embedding_regularization, 0)
    path = f"{_PATH}.variational_dropout.regularization_lambda"
    check_at_least(report, path, model.variational_dropout.regularization_lambda, 0)
    if not name:
        built = [each for each in architectures() if each in built_fields(model.DESCRIPTOR)]
        report.should(_PATH, f"have one of {one_of(built)}")
        return
    _check_class(model, name, report)
    if name in _PARTS:
        message, path = getattr(model, name), f"{_PATH}.{name}"
        check_at_least(report, f"{path}.l2_regularization", message.l2_regularization, 0)
        _PARTS[name](message, path, report)
        for tower_path, tower in placed_towers(pipeline):
            of = f"tower `{tower.tower_name}`"
            check_dnn(report, f"{tower_path}.dnn", tower.dnn, of=of)
        funnels.check_funnel(pipeline, report)


def _check_class(model: model_pb2.Model, name: str, report: Report) -> None:
    message = getattr(model, name).DESCRIPTOR.name
    class_name = _CLASS_NAMES.get(message, message)
    if model.model_class not in ("", class_name):
        rule = f"be {class_name}, because there is `{name}`, or be left out"
        report.should(f"{_PATH}.model_class", rule, model.model_class)


_PARTS: Mapping[str, Callable[[Any, str, Report], None]] = {
    "simple_multi_task": check_towers,
    "shared_bottom": sharing.check_shared_bottom,
    "asymmetric_sharing": sharing.check_asymmetric_sharing,
    "customized_sharing": sharing.check_customized_sharing,
    "omoe": experts.check_omoe,
    "mmoe": experts.check_mmoe,
    "ml_mmoe": experts.check_ml_mmoe,
    "cgc": experts.check_cgc,
    "ple": experts.check_ple,
    "esmm": funnels.check_esmm,
    "division": funnels.check_division,
    "esm2": funnels.check_esm2,
    "dbmtl": networks.check_dbmtl,
    "cross_stitch": networks.check_stitched,
    "sluice": networks.check_sluice,
    "l2_constrained": networks.check_l2_constrained,
    "tensor_factorization": networks.check_tensor_factorization,
    "aitm": networks.check_aitm,
    "single_task": networks.check_single_task,
    "model_params": networks.check_model_params,
}
