"""Asymmetric sharing: bottoms that some tasks read and others do not."""

import numpy as np
import pytest

TOWERS = """
task_towers { tower_name: "ctr" dnn { hidden_units: 7 } }
task_towers { tower_name: "cvr" }
"""
BOTTOMS = """
bottoms { bottom_name: "one" dnn { hidden_units: [8, 6] } }
bottoms { bottom_name: "two" dnn { hidden_units: 6 use_bn: false } }
task_bottoms { tower_name: "cvr" bottom_names: ["two", "one"] join: %s }
task_bottoms { tower_name: "ctr" bottom_names: "one" }
"""
JOINS = {
    "CONCAT": lambda parts: np.concatenate(parts, axis=1),
    "SUM": lambda parts: parts[0] + parts[1],
    "MEAN": lambda parts: (parts[0] + parts[1]) / 2,
}


@pytest.fixture(scope="module", params=JOINS)
def join(request):
    return request.param


@pytest.fixture(scope="module")
def network(nets, join):
    return nets.build("asymmetric_sharing", BOTTOMS % join + TOWERS)


def test_logits_are_those_of_towers_on_the_bottoms_they_read(nets, network, join):
    batch = nets.rows(network)
    one, two = (
        nets.perceptron(network.get_layer(f"{name}_bottom"), batch["all"])
        for name in ("one", "two")
    )
    expected = {
        "ctr": nets.tower(network, "ctr", one),
        "cvr": nets.tower(network, "cvr", JOINS[join]([two, one])),
    }
    nets.assert_same(network(batch), expected)


def test_size_is_that_of_bottoms_towers_and_heads(nets, network, join):
    one = nets.perceptron_size(5, [8, 6])
    two = nets.perceptron_size(5, [6], use_bn=False)
    width = 12 if join == "CONCAT" else 6
    towers_and_heads = nets.perceptron_size(6, [7]) + (7 + 1) + (width + 1)
    assert nets.trainable_size(network) == one + two + towers_and_heads


def test_one_bottom_for_all_is_a_shared_bottom(nets):
    bottoms = """
    bottoms { bottom_name: "all" dnn { hidden_units: [8, 6] } }
    task_bottoms { tower_name: "ctr" bottom_names: "all" }
    task_bottoms { tower_name: "cvr" bottom_names: "all" join: MEAN }
    """
    asymmetric = nets.build("asymmetric_sharing", bottoms + TOWERS)
    shared = nets.build("shared_bottom", "bottom_dnn { hidden_units: [8, 6] }" + TOWERS)
    nets.copy_weights(asymmetric, shared, {"bottom": "all_bottom"})
    batch = nets.rows(shared)
    nets.assert_same(shared(batch), asymmetric(batch))
