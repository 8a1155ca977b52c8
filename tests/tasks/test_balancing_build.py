"""Balancing from the messages of a config, and what it balances."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from quadratics import gram_of, seen

from tests.helpers_balancing import STRATEGIES, message
from tfmtl.protos import pipeline_pb2
from tfmtl.tasks import BinaryHead, RegressionHead, SampleSpace, Task
from tfmtl.tasks.balancing import build_plan, task_parts, term_parts
from tfmtl.tasks.space import ColumnLabel
from tfmtl.tasks.terms import Term

BY_GRADIENTS = {"gradnorm", "pareto", "mgda", "pcgrad", "cagrad", "imtl", "aligned", "nash"}


def make_tasks():
    """`a` of two terms, one of them learned; `b` squared, of weight 3; `c` without a loss."""
    space = SampleSpace(ColumnLabel("click"))
    tasks = [
        Task("a", BinaryHead(), space, weight=2.0),
        Task("b", RegressionHead(), space, weight=3.0),
        Task("c", BinaryHead(), space, trained=False),
    ]
    loss = tasks[0].head.loss
    tasks[0].terms = [Term("a1", loss, 0.5), Term("a2", loss, 4.0, learns_weight=True)]
    return tasks


def make_pipeline(balancing="", strategy="Fixed", batch_size=8):
    text = (
        f"data_config {{ batch_size: {batch_size} }} train_config {{ seed: 5 }}"
        f"model_config {{ {balancing} loss_weight_strategy: {strategy} }}"
    )
    return text_format.Parse(text, pipeline_pb2.Pipeline())


def plan(text, **how):
    return build_plan(make_pipeline(f"balancing {{ {text} }}", **how), make_tasks())


TERMS = {"a": {"a1": tf.constant(10.0), "a2": tf.constant(100.0)}, "b": {"b": tf.constant(7.0)}}
GRAM = gram_of([[1.0, 2.0], [2.0, -0.5]])[1]


def weights(made, values=(1.0, 2.0)):
    return made.balancer.weights(tf.constant(values, tf.float32), GRAM).shared.numpy()


def test_a_config_that_says_nothing_has_fixed_weights():
    made = build_plan(make_pipeline(), make_tasks())
    assert made.is_fixed and made.balancer.variables == {}
    assert not plan("mgda {}").is_fixed


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_is_built(name):
    made = plan(message(name, "b"))
    assert (made.name, [part.name for part in made.parts]) == (name, ["a", "b"])
    assert made.balancer.needs_gradients == (name in BY_GRADIENTS)
    assert np.isfinite(weights(made)).all() and weights(made).shape == (2,)
    assert not made.at_parameters


@pytest.mark.parametrize("name", sorted(BY_GRADIENTS))
def test_the_level_is_taken_over(name):
    assert plan(message(name, "b", "level: PARAMETERS")).at_parameters


def test_parts_are_tasks_with_their_weights():
    parts = task_parts(make_tasks())
    values = [float(part.value(TERMS)) for part in parts]
    assert values == [2 * (0.5 * 10 + 4 * 100), 3 * 7]
    assert [part.is_squared for part in parts] == [False, True]
    assert [part.weight for part in parts] == [2, 3]


def test_parts_are_terms_by_themselves():
    parts = term_parts(make_tasks(), learned_only=False)
    assert [part.name for part in parts] == ["a1", "a2", "b"]
    assert [float(part.value(TERMS)) for part in parts] == [10, 100, 7]


def test_terms_whose_weight_is_not_learned_keep_the_configs():
    parts = term_parts(make_tasks(), learned_only=True)
    assert [float(part.value(TERMS)) for part in parts] == [2 * 0.5 * 10, 100, 3 * 7]


def test_easyrecs_uncertainty_learns_the_terms_that_ask_for_it():
    made = build_plan(make_pipeline(strategy="Uncertainty"), make_tasks())
    assert [part.name for part in made.parts] == ["a1", "a2", "b"]
    made.balancer.update(seen([1.0, 2.0, 3.0]))
    # Adam's first step has the size of its rate; it goes up, as the slope 1/2 − 2 is below 0.
    np.testing.assert_allclose(weights(made, (1, 2, 3)), [1, np.exp(-0.01), 1], rtol=1e-5)


def test_easyrecs_random_draws_for_every_term():
    made = build_plan(make_pipeline(strategy="Random"), make_tasks())
    drawn = weights(made, (1, 2, 3))
    assert drawn.shape == (3,)
    np.testing.assert_allclose(drawn.sum(), 1, rtol=1e-6)


def test_the_seed_is_the_configs():
    first, again = (weights(plan("random {}")) for _ in "ab")
    other = make_pipeline("balancing { random {} }")
    other.train_config.seed = 6
    np.testing.assert_array_equal(first, again)
    assert (weights(build_plan(other, make_tasks())) != first).any()


def test_parameters_are_taken_over():
    made = plan('decay { every_steps: 2 ratios { task_name: "b" gamma: 0.5 } }')
    for expected in ([1, 1], [1, 1], [1, 0.5]):
        np.testing.assert_array_equal(weights(made), expected)
        made.balancer.update(seen([1.0, 2.0]))
    bounded = plan('pareto { bounds { task_name: "b" min_weight: 0.9 } }')
    np.testing.assert_allclose(weights(bounded), [0.1, 0.9], rtol=1e-4)
    start = weights(plan("uncertainty { initial_value: 1 }"))
    np.testing.assert_allclose(start, [np.exp(-1), np.exp(-1) / 2], rtol=1e-6)
    sharp, blunt = weights(plan("stch { mu: 0.5 }")), weights(plan("stch { mu: 50 }"))
    assert sharp[0] < 0.2 < 0.49 < blunt[0]
    by_mean = weights(plan("cagrad { c: 0 }"))
    np.testing.assert_allclose(by_mean, [0.5, 0.5], rtol=1e-6)
    for kind, divisors in {
        "NONE": [1, 1],
        "NORM": np.sqrt(np.diag(GRAM)),
        "LOSS": [1, 2],
        "LOSS_AND_NORM": np.sqrt(np.diag(GRAM)) * [1, 2],
    }.items():
        (first, product), (_, second) = np.array(GRAM) / np.outer(divisors, divisors)
        share = (second - product) / (first + second - 2 * product)
        actual = weights(plan(f"mgda {{ normalization: {kind} }}"))
        np.testing.assert_allclose(actual, [share, 1 - share], rtol=1e-4)
    assert "s" in plan("imtl {}").balancer.variables
    assert plan("imtl { balance_losses: false }").balancer.variables == {}
    square = np.array(GRAM)
    length = [w @ square @ w for w in (weights(plan("nash { max_norm: 0.25 }")),)][0]
    np.testing.assert_allclose(length, 0.25**2, rtol=1e-4)
    assert set(plan("nash { every_steps: 2 }").balancer.variables) == {"steps", "kept"}
    assert plan("db_mtl { balance_gradients: true }").balancer.needs_gradients


def test_a_period_of_an_epochs_rows_ends_with_its_last_batch():
    """21 rows in batches of 8 are three steps."""
    made = plan('decay { epoch_rows: 21 ratios { task_name: "a" gamma: 0.5 } }')
    found = []
    for _ in range(7):
        found.append(weights(made)[0])
        made.balancer.update(seen([1.0, 2.0]))
    assert found == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
