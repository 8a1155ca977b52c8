"""A factorization machine and a sum of features against the sums over pairs and over features."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfmtl.layers import FactorizationMachine, FeatureSum

BATCH, FEATURES, WIDTH = 3, 4, 2


@pytest.fixture
def e():
    random = np.random.default_rng(0)
    return random.normal(size=(BATCH, FEATURES, WIDTH)).astype(np.float32)


@pytest.fixture
def x(e):
    return tf.constant(e.reshape(BATCH, FEATURES * WIDTH))


def products(e):
    """`e_f ⊙ e_g` of each pair of features."""
    pairs = itertools.combinations(range(e.shape[1]), 2)
    return np.stack([e[:, f] * e[:, g] for f, g in pairs])


def test_it_is_the_sum_over_pairs_of_features_of_their_products(e, x):
    machine = FactorizationMachine(FEATURES)
    expected = products(e).sum(axis=(0, 2))[:, np.newaxis]
    np.testing.assert_allclose(machine(x), expected, rtol=1e-5, atol=1e-6)


def test_it_is_the_sum_of_the_products_that_dlrm_keeps(e, x):
    pairs = tfrs.layers.feature_interaction.DotInteraction()(tf.unstack(e, axis=1))
    machine = FactorizationMachine(FEATURES)
    np.testing.assert_allclose(machine(x)[:, 0], tf.reduce_sum(pairs, 1), rtol=1e-5, atol=1e-6)


def test_its_variant_keeps_a_value_for_each_dimension(e, x):
    machine = FactorizationMachine(FEATURES, use_variant=True)
    np.testing.assert_allclose(machine(x), products(e).sum(axis=0), rtol=1e-5, atol=1e-6)


def test_one_feature_goes_together_with_nothing(x):
    np.testing.assert_allclose(FactorizationMachine(1)(x), np.zeros((BATCH, 1)), atol=1e-6)


def test_vectors_that_are_no_features_of_one_width_are_refused(x):
    with pytest.raises(ValueError) as error:
        FactorizationMachine(3)(x)
    assert str(error.value) == (
        "The input's width should be a multiple of `num_features`, 3. Received: 8."
    )


def test_features_are_added_up(e, x):
    np.testing.assert_allclose(FeatureSum(WIDTH)(x), e.sum(axis=1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layer", [FactorizationMachine(FEATURES, True), FeatureSum(WIDTH)])
def test_a_copy_from_its_config_answers_alike(layer, x):
    copy = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(copy(x), layer(x))
