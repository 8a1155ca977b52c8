"""The architectures that are compared on Census-Income, all of about the same number of parameters.

With dense(i, o) = i·o + o, features of width d, E experts of width w, of which a task's gate sees s
in CGC and PLE, and a low-rank layer's factors and cores, what lies between features and towers is

    single_task, l2_constrained   2·dense(d, w)
    shared_bottom                 dense(d, w)
    cross_stitch                  2·dense(d, w) + 4
    tensor_factorization          d·w + w·w + 4  +  2·w·w  +  2·w
    omoe                          E·dense(d, w) + dense(d, E)
    mmoe                          E·dense(d, w) + 2·dense(d, E)
    cgc                           E·dense(d, w) + 2·dense(d, s)
    ple                           E·dense(d, w) + 2·dense(d, s) + dense(d, E)    the lower network
                                  + E·dense(w, w) + 2·dense(w, s)                the upper

and the towers are 2·(dense(w, t) + dense(t, 1)). MMoE is of the size in its paper; the others have
the w that brings them nearest to it. Embedding tables do not count: all architectures have the
same, but `single_task`, where each task has tables of its own.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

TASKS = 2
TOWER_UNITS = 8
EXPERTS = 8
MMOE_WIDTH = 16
# The experts of CGC and PLE: each task's own, and those that both share.
OWN_EXPERTS = 3
SHARED_EXPERTS = EXPERTS - TASKS * OWN_EXPERTS
SEEN_EXPERTS = OWN_EXPERTS + SHARED_EXPERTS

L2_REGULARIZATION = 1e-5
L2_CONSTRAINT = 1e-4


@dataclasses.dataclass(frozen=True)
class Architecture:
    """An architecture whose size is a matter of one width.

    Args:
        fields: What its message in the config holds besides the towers, of a width.
        size: How many parameters it has between features of a width and the towers, of its own.
    """

    fields: Callable[[int], str]
    size: Callable[[int, int], int]

    def num_parameters(self, inputs: int, width: int) -> int:
        """How many parameters it has outside the embedding tables.

        Args:
            inputs: Width of the features.
            width: That of its bottoms or experts.
        """
        towers = TASKS * (dense(width, TOWER_UNITS) + dense(TOWER_UNITS, 1))
        return self.size(inputs, width) + towers

    def equal_width(self, inputs: int) -> int:
        """The width that brings it nearest to the size of MMoE."""
        wanted = ARCHITECTURES["mmoe"].num_parameters(inputs, MMOE_WIDTH)
        widths = range(1, math.ceil(wanted / inputs) + 1)
        return min(widths, key=lambda each: abs(self.num_parameters(inputs, each) - wanted))

    def message(self, width: int, tasks: Sequence[str]) -> str:
        """Its message in the config, with a tower for each task."""
        dnn = layer("dnn", TOWER_UNITS)
        towers = [
            f'task_towers {{ tower_name: "{task}" label_name: "{task}" {dnn} }}' for task in tasks
        ]
        parts = [self.fields(width), *towers, f"l2_regularization: {L2_REGULARIZATION}"]
        return f"{{ {' '.join(parts)} }}"


def dense(inputs: int, units: int) -> int:
    """The parameters of a dense layer."""
    return inputs * units + units


def layer(field: str, units: int) -> str:
    """A `DNN` message of one layer."""
    return f"{field} {{ hidden_units: {units} use_bn: false }}"


def _bottom(width: int) -> str:
    return layer("bottom_dnn", width)


def _similar_bottoms(width: int) -> str:
    return f"{layer('bottom_dnn', width)} l2_constraint: {L2_CONSTRAINT}"


def _factorized_bottoms(width: int) -> str:
    # Of full rank on the sides of units and tasks; low is that of the inputs.
    ranks = f"input_rank: {width} output_rank: {width} task_rank: {TASKS}"
    return f"{layer('bottom_dnn', width)} {ranks}"


def _experts(width: int) -> str:
    return f"{layer('expert_dnn', width)} num_expert: {EXPERTS}"


def _own_and_shared_experts(width: int) -> str:
    numbers = f"expert_num_per_task: {OWN_EXPERTS} share_num: {SHARED_EXPERTS}"
    return f"{layer('expert_dnn', width)} {numbers}"


def _networks(width: int) -> str:
    nets = f"{layer('task_expert_net', width)} {layer('share_expert_net', width)}"
    numbers = f"expert_num_per_task: {OWN_EXPERTS} share_num: {SHARED_EXPERTS}"
    return " ".join([f"extraction_networks {{ {nets} {numbers} }}"] * 2)


def _two_bottoms_size(d: int, w: int) -> int:
    return TASKS * dense(d, w)


def _factorized_size(d: int, w: int) -> int:
    factors, core, biases = d * w + w * w + TASKS**2, TASKS * w * w, TASKS * w
    return factors + core + biases


def _experts_size(d: int, w: int) -> int:
    return EXPERTS * dense(d, w)


def _seen_gates_size(d: int) -> int:
    return TASKS * dense(d, SEEN_EXPERTS)


def _ple_size(d: int, w: int) -> int:
    lower = _experts_size(d, w) + _seen_gates_size(d) + dense(d, EXPERTS)
    upper = _experts_size(w, w) + _seen_gates_size(w)
    return lower + upper


ARCHITECTURES = {
    "single_task": Architecture(_bottom, _two_bottoms_size),
    "shared_bottom": Architecture(_bottom, dense),
    "l2_constrained": Architecture(_similar_bottoms, _two_bottoms_size),
    "cross_stitch": Architecture(_bottom, lambda d, w: _two_bottoms_size(d, w) + TASKS**2),
    "tensor_factorization": Architecture(_factorized_bottoms, _factorized_size),
    "omoe": Architecture(_experts, lambda d, w: _experts_size(d, w) + dense(d, EXPERTS)),
    "mmoe": Architecture(_experts, lambda d, w: _experts_size(d, w) + TASKS * dense(d, EXPERTS)),
    "cgc": Architecture(
        _own_and_shared_experts, lambda d, w: _experts_size(d, w) + _seen_gates_size(d)
    ),
    "ple": Architecture(_networks, _ple_size),
}
