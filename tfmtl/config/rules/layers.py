"""Rules of stacks of dense layers."""

from __future__ import annotations

from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_share
from tfmtl.protos import layer_pb2

# Those of `tfmtl.layers`, which would bring TensorFlow with it; a test keeps the two the same.
ACTIVATIONS = (
    "dice",
    "elu",
    "gelu",
    "leaky_relu",
    "linear",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "softmax",
    "softplus",
    "swish",
    "tanh",
)
_ALIASES = {"": "linear", "identity": "linear", "silu": "swish"}


def check_dnn(
    report: Report, path: str, dnn: layer_pb2.DNN, *, of: str = "", needed: bool = False
) -> None:
    """A stack has layers of some width, a known activation and shares to drop.

    Args:
        report: Takes the problems.
        path: Where the stack stands.
        dnn: The stack.
        of: Whose it is.
        needed: Whether it must have layers or interactions; otherwise it may be the identity.
    """
    units = list(dnn.hidden_units)
    if needed and not (any(units) or dnn.interactions):
        report.should(f"{path}.hidden_units", "have a layer", units or None, of=of)
    elif 0 in units and len(units) > 1:
        report.should(f"{path}.hidden_units", "be at least 1 each", units, of=of)
    check_activation(report, f"{path}.activation", dnn.activation, of=of)
    for index, share in enumerate(dnn.dropout_ratio):
        check_share(report, f"{path}.dropout_ratio[{index}]", share, of=of)
    if len(dnn.dropout_ratio) not in (0, 1, len(units)):
        rule = f"have one share, or one for each of {len(units)} layers"
        report.should(f"{path}.dropout_ratio", rule, list(dnn.dropout_ratio), of=of)


def check_activation(report: Report, path: str, value: str, of: str = "") -> None:
    """An activation is known, by its name or by a path that ends in it."""
    plain = value.rpartition(".")[2].lower()
    if _ALIASES.get(plain, plain) not in ACTIVATIONS:
        report.should_name(path, "an activation", value, ACTIVATIONS, of=of)
