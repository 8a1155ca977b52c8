"""Where tasks part: in networks made by hand, and in a config's."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from small_network import make_batch, make_network

from tfmtl.training.frontier import Frontier

Dense = keras.layers.Dense


def named(tensors):
    return [tensor.node.layer.name for tensor in tensors]


def names(variables):
    return sorted({variable.name.split("/")[0] for variable in variables})


def network(build):
    """A network of input `x`, whose logits a function makes of it."""
    x = keras.Input([3], name="x")
    return keras.Model({"x": x}, build(x))


def dense(name, x):
    return Dense(2, name=name)(x)


def test_tasks_part_behind_a_shared_bottom():
    frontier = Frontier(make_network(), ["ctr", "cvr"])
    assert named(frontier.representation) == ["dropout"]
    assert names(frontier.shared_variables) == ["bottom", "embeddings"]
    assert names(frontier.top_variables) == ["ctr", "cvr"]


def test_above_and_below_together_are_the_network():
    made = make_network()
    frontier, (encoded, _) = Frontier(made, ["ctr", "cvr"]), make_batch()
    answers = frontier.above(frontier.below(encoded, training=False), encoded, training=False)
    for task, logits in made(encoded).items():
        np.testing.assert_allclose(answers[task], logits, rtol=1e-6)


def test_layers_are_left_with_one_output():
    made = make_network()

    def outputs():
        return [[id(each) for each in tf.nest.flatten(layer.output)] for layer in made.layers]

    before = outputs()
    Frontier(made, ["ctr", "cvr"])
    assert outputs() == before


def test_a_task_on_the_way_to_another_is_shared_by_both():
    """As a click on the way to a purchase."""

    def build(x):
        click = dense("click", dense("bottom", x))
        return {"ctr": click, "ctcvr": keras.layers.Add()([click, dense("buy", x)])}

    made = network(build)
    frontier = Frontier(made, ["ctr", "ctcvr"])
    assert named(frontier.representation) == ["click"]
    assert names(frontier.top_variables) == ["buy"]
    encoded = {"x": tf.random.stateless_normal([4, 3], [1, 2])}
    answers = frontier.above(frontier.below(encoded, False), encoded, False)
    for task, logits in made(encoded).items():
        np.testing.assert_allclose(answers[task], logits, rtol=1e-6)


def test_tasks_that_read_layers_of_different_depth_part_at_both():
    def build(x):
        first = dense("first", x)
        return {"a": dense("a", first), "b": dense("b", dense("second", first))}

    assert named(Frontier(network(build), ["a", "b"]).representation) == ["first"]

    def experts(x):
        low = dense("low", x)
        high = dense("high", low)
        tops = {t: keras.layers.Concatenate()([dense(f"gate_{t}", low), high]) for t in "ab"}
        return {t: dense(t, top) for t, top in tops.items()}

    frontier = Frontier(network(experts), ["a", "b"])
    assert named(frontier.representation) == ["low", "high"]


def test_of_three_tasks_two_share_a_layer():
    def build(x):
        pair = dense("pair", x)
        return {"a": dense("a", pair), "b": dense("b", pair), "c": dense("c", x)}

    frontier = Frontier(network(build), ["a", "b", "c"])
    assert named(frontier.representation) == ["pair"]
    assert names(frontier.top_variables) == ["a", "b", "c"]


def test_tasks_without_a_loss_do_not_count():
    def build(x):
        shared = dense("shared", x)
        return {"a": dense("a", shared), "b": dense("b", dense("own", shared))}

    assert Frontier(network(build), ["a"]).representation == []


@pytest.mark.parametrize("tasks", [["a", "b"], ["b", "a"]])
def test_tasks_that_share_an_input_alone_share_nothing(tasks):
    frontier = Frontier(network(lambda x: {t: dense(t, x) for t in "ab"}), tasks)
    assert (frontier.representation, frontier.shared_variables) == ([], [])


def test_a_layer_that_splits_what_tasks_read_is_below_and_its_parts_are_the_tasks_own():
    """As the one layer of all embeddings, of which a task reads some alone."""
    x = keras.Input([4], name="x")
    embedded = Split(name="split")(x)
    both = keras.layers.Concatenate()([embedded[0], embedded[1]])
    made = keras.Model({"x": x}, {"a": dense("a", both), "b": dense("b", embedded[0])})
    frontier = Frontier(made, ["a", "b"])
    assert named(frontier.tensors) == ["split", "split"]
    assert frontier.is_representation == [True, False]
    assert names(frontier.shared_variables) == ["split"]


class Split(keras.layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=shape[-1:], initializer="ones")
        super().build(shape)

    def call(self, x):
        return tf.split(x * self.scale, 2, axis=1)
