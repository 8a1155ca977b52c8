"""Layers of networks side by side, and of tasks that hand something on."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.layers import (
    CrossStitch,
    LayerMix,
    OrderCalibrator,
    SimilarBank,
    SubspaceBank,
    TransferAttention,
    TuckerBank,
    TuckerDense,
)

NETWORKS, BATCH, UNITS = 3, 4, 6


@pytest.fixture(scope="module")
def x():
    x = np.random.default_rng(0).normal(size=(NETWORKS, BATCH, UNITS)).astype("float32")
    return [tf.constant(of_network) for of_network in x]


def test_a_stitch_of_sub_spaces_keeps_each_row_to_itself(x):
    stitch = CrossStitch(0.7, num_subspaces=2)
    both = stitch(x)
    first, rest = stitch([h[:1] for h in x]), stitch([h[1:] for h in x])
    assert len(both) == NETWORKS
    for network, *rows in zip(both, first, rest, strict=True):
        np.testing.assert_allclose(network, np.vstack(rows), rtol=1e-6)


@pytest.mark.parametrize("num_subspaces", [1, 2])
def test_a_stitch_that_keeps_to_itself_passes_its_input_through(x, num_subspaces):
    np.testing.assert_allclose(CrossStitch(1.0, num_subspaces)(x), x, rtol=1e-6)


def test_a_stitch_of_one_network_is_its_self_weight(x):
    np.testing.assert_allclose(CrossStitch(0.8)(x[:1])[0], 0.8 * x[0], rtol=1e-6)


def test_a_stitch_takes_a_batch_without_rows(x):
    mixed = CrossStitch(num_subspaces=3)([h[:0] for h in x])
    assert [h.shape for h in mixed] == [(0, UNITS)] * NETWORKS


def test_layers_that_cannot_be_cut_into_sub_spaces_are_refused(x):
    with pytest.raises(ValueError, match="should divide the 6 units of a layer. Received: 4."):
        CrossStitch(num_subspaces=4)(x)


def test_layers_are_mixed_to_their_mean_at_first(x):
    twice = [2 * h for h in x]
    np.testing.assert_allclose(LayerMix()([x, twice]), 1.5 * np.array(x), rtol=1e-6)


def test_each_network_mixes_the_layers_by_weights_of_its_own(x):
    mix = LayerMix()
    mix([x, x])
    mix.beta.assign([[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]])
    a, b = x, [h + 1.0 for h in x]
    expected = [a[0], b[1], 2 * a[2] - b[2]]
    for network, wanted in zip(mix([a, b]), expected, strict=True):
        np.testing.assert_allclose(network, wanted, rtol=1e-5, atol=1e-6)


def test_penalties_of_banks_come_with_their_weights(x):
    for bank in (SubspaceBank(2, [4], 2, 0.5), SimilarBank(2, [4], 0.5)):
        assert bank.losses == []
        bank(x[0])
        assert [float(loss) > 0 for loss in bank.losses] == [True]


def test_factorized_kernels_start_with_glorots_variance():
    dense = TuckerDense(30, 40, [20, 20, 20])
    dense.build((None, 50))
    u1, u2, u3, core, _ = (weight.numpy() for weight in dense.weights)
    kernels = np.einsum("da,hb,kc,abc->kdh", u1, u2, u3, core, optimize=True)
    assert kernels.std() == pytest.approx(np.sqrt(2 / (50 + 40)), rel=0.15)


def test_ranks_below_one_are_refused():
    with pytest.raises(ValueError, match=r"`ranks` should be at least 1 each. Received: \[2, 0, 1"):
        TuckerBank(2, [4], [2, 0, 1])


def test_the_order_is_judged_in_training_alone():
    low, high = tf.constant([[-1.0], [2.0]]), tf.constant([[1.0], [-2.0]])
    calibrator = OrderCalibrator(0.5)
    passed = calibrator([low, high], training=True)
    np.testing.assert_array_equal(passed, [low, high])
    expected = 0.5 * (1 / (1 + np.exp(-1)) - 1 / (1 + np.exp(1))) / 2
    assert float(tf.add_n(calibrator.losses)) == pytest.approx(expected, rel=1e-5)
    calibrator([low, high])
    assert calibrator.losses == []


def test_the_order_may_be_judged_of_pairs():
    logits = [tf.constant([[c]]) for c in (0.3, -1.0, 2.0, -0.5)]
    calibrator = OrderCalibrator(2.0, pairs=[(0, 1), (2, 3)])
    calibrator(logits, training=True)
    p = 1 / (1 + np.exp(-np.float64([0.3, -1.0, 2.0, -0.5])))
    expected = 2.0 * (max(p[0] - p[1], 0) + max(p[2] - p[3], 0))
    assert float(tf.add_n(calibrator.losses)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        CrossStitch(0.8, 2, True, name="a"),
        LayerMix(name="b"),
        SubspaceBank(2, [4], 2, 0.1, name="c"),
        SimilarBank(2, [4], 0.1, l2=0.2, name="d"),
        TuckerDense(2, 4, [1, 2, 3], False, 0.1, name="e"),
        TuckerBank(2, [4], [1, 2, 3], use_bn=False, name="f"),
        TransferAttention(4, name="g"),
        OrderCalibrator(0.6, name="h"),
        OrderCalibrator(0.6, [[0, 1], [0, 2]], name="i"),
    ],
)
def test_config_round_trip(layer):
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
