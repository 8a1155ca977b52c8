"""Balancers that look at losses alone, each against its formula."""

import numpy as np
import pytest
import tensorflow as tf
from quadratics import Quadratics, repeat, seen

from tfmtl.tasks.balancing.base import mean_among, softmax_among
from tfmtl.tasks.balancing.db_mtl import DualBalancing
from tfmtl.tasks.balancing.decay import Decay
from tfmtl.tasks.balancing.dwa import DWA
from tfmtl.tasks.balancing.famo import FAMO
from tfmtl.tasks.balancing.fixed import Fixed
from tfmtl.tasks.balancing.geometric import GeometricMean
from tfmtl.tasks.balancing.random_weights import RandomWeights
from tfmtl.tasks.balancing.stch import STCH
from tfmtl.tasks.balancing.uncertainty import Uncertainty

L = np.array([0.5, 2.0, 0.25])
EMPTY = np.array([0.5, 0.0, 0.25])  # The second task has no row.


def weights(balancer, values):
    shared, own = balancer.weights(tf.constant(values, tf.float32))
    np.testing.assert_array_equal(shared, own)
    return shared.numpy()


def state(balancer):
    return {name: variable.numpy() for name, variable in balancer.variables.items()}


def softmax(x):
    powers = np.exp(x - np.max(x))
    return powers / powers.sum()


def slope(scalar, values):
    """The gradient of a formula, by differences."""
    steps = 1e-6 * np.eye(len(values))
    return np.array([(scalar(values + d) - scalar(values - d)) / 2e-6 for d in steps])


def test_fixed_weights_are_one_and_nothing_is_remembered():
    balancer = Fixed(3)
    np.testing.assert_array_equal(weights(balancer, L), [1, 1, 1])
    assert balancer.variables == {}


def test_weights_decay_by_their_ratio_after_every_period():
    balancer = Decay([0.5, 1.0, 1.25], period=2)
    for step in range(6):
        t = step // 2
        np.testing.assert_allclose(weights(balancer, L), [0.5**t, 1, 1.25**t], rtol=1e-6)
        balancer.update(seen(L))


def test_uncertainty_weighs_by_the_slope_of_its_formula():
    balancer = Uncertainty([False, True, False], [True, True, True], initial_value=0.3)
    balancer.s.assign([0.3, -0.2, 1.0])
    s = balancer.s.numpy()

    def formula(values):
        halves = np.array([1, 0.5, 1])
        return np.sum(halves * np.exp(-s) * values + s / 2)

    np.testing.assert_allclose(weights(balancer, L), slope(formula, L), rtol=1e-5)


def test_uncertainty_comes_to_rest_where_the_weighted_losses_are_a_half():
    balancer = Uncertainty([False, True, False], [True] * 3, learning_rate=0.1)
    repeat(balancer, seen(L), 300)
    np.testing.assert_allclose(weights(balancer, L) * L, [0.5, 0.5, 0.5], rtol=1e-2)


def test_the_first_step_of_uncertainty_is_the_rate_against_the_slope():
    balancer = Uncertainty([False] * 3, [True, True, False], learning_rate=0.1)
    balancer.update(seen(L))
    # Its slope is 1/2 − L: Adam's first step has the rate's size.
    np.testing.assert_allclose(balancer.s, [0.0, 0.1, 0.0], atol=1e-6)
    np.testing.assert_allclose(weights(balancer, L), [1, np.exp(-0.1), 1], rtol=1e-5)


def test_uncertainty_of_a_task_without_rows_stands_still():
    balancer, other = (Uncertainty([False] * 3, [True] * 3, learning_rate=0.1) for _ in "ab")
    for each in (balancer, other):
        each.update(seen(L))
    before = balancer.s.numpy()
    for _ in range(5):
        balancer.update(seen(EMPTY))
    assert balancer.s.numpy()[1] == before[1] and balancer.s.numpy()[2] != before[2]
    # And its moments, too: it goes on as if those steps had not been.
    balancer.update(seen(L))
    other.update(seen(L))
    assert balancer.s.numpy()[1] == other.s.numpy()[1]


def test_dwa_weighs_by_the_last_two_periods():
    balancer = DWA(3, period=2, temperature=2.0)
    periods = [[[1.0, 2, 4], [3.0, 2, 2]], [[1.0, 1, 3], [1.0, 3, 3]], [[2.0, 2, 2], [2.0, 2, 2]]]
    for period in periods[:2]:
        for values in period:
            np.testing.assert_allclose(weights(balancer, values), [1, 1, 1], rtol=1e-6)
            balancer.update(seen(values))
    means = [np.mean(period, axis=0) for period in periods]
    for previous, last in [(means[0], means[1]), (means[1], means[2])]:
        expected = 3 * softmax(last / previous / 2.0)
        np.testing.assert_allclose(weights(balancer, L), expected, rtol=1e-6)
        for values in periods[2]:
            balancer.update(seen(values))


def test_dwa_counts_only_batches_with_rows_of_a_task():
    balancer = DWA(2, period=2)
    for values in ([1.0, 0.0], [3.0, 4.0], [1.0, 0.0], [1.0, 0.0], [2.0, 6.0], [2.0, 0.0]):
        balancer.update(seen(values))
    # Means 2, 1, 2 of the first, and 4, none, 6 of the second: it kept the 4.
    np.testing.assert_allclose(weights(balancer, [1, 1]), 2 * softmax(np.array([2, 1.5]) / 2))


def test_dwa_of_a_task_never_seen_is_even():
    balancer = DWA(2, period=1)
    for _ in range(4):
        balancer.update(seen([1.0, 0.0]))
    np.testing.assert_allclose(weights(balancer, [1, 0]), [1, 1])


def test_random_weights_are_shares_drawn_anew_every_step_and_the_same_again():
    def draw(balancer):
        drawn = weights(balancer, L)
        balancer.variables["steps"].assign_add(1)
        return drawn

    drawn = []
    for _ in range(2):
        balancer = RandomWeights(3, seed=7)
        drawn.append([])
        for _ in range(200):
            drawn[-1].append(draw(balancer))
    np.testing.assert_array_equal(*drawn)
    np.testing.assert_allclose(np.sum(drawn[0], axis=1), 1, rtol=1e-5)
    logs = np.log(drawn[0])
    # Differences of two standard normal numbers have the variance 2.
    np.testing.assert_allclose(np.var(logs[:, 0] - logs[:, 1]), 2, rtol=0.3)
    assert abs(np.mean(logs[:, 0] - logs[:, 1])) < 0.3
    assert (weights(RandomWeights(3, seed=8), L) != drawn[0][0]).any()
    balancer = RandomWeights(3, seed=7)
    balancer.update(seen(L))
    np.testing.assert_array_equal(weights(balancer, L), drawn[0][1])


def test_geometric_mean_weighs_by_its_slope():
    expected = slope(lambda values: np.prod(values) ** (1 / 3), L)
    np.testing.assert_allclose(weights(GeometricMean(3), L), expected, rtol=1e-4)
    without = slope(lambda values: np.prod(values) ** (1 / 2), L[[0, 2]])
    np.testing.assert_allclose(weights(GeometricMean(3), EMPTY)[[0, 2]], without, rtol=1e-4)


def test_smooth_tchebycheff_weighs_by_its_slope():
    expected = slope(lambda values: 0.4 * np.log(np.sum(np.exp(values / 0.4))), L)
    np.testing.assert_allclose(weights(STCH(3, mu=0.4), L), expected, rtol=1e-4)
    np.testing.assert_allclose(weights(STCH(3, mu=1e-3), [900, 2, 1]), [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(weights(STCH(3), EMPTY)[[0, 2]], softmax(EMPTY[[0, 2]] / 0.1))


@pytest.mark.parametrize("start", [[0.0, 0.1], [1.9, 0.3]])
def test_smooth_tchebycheff_leads_to_the_pareto_point_of_equal_losses(start):
    problem = Quadratics([[0, 0], [2, 0]])
    x = problem.descend(STCH(2, mu=0.1), start, rate=0.05, steps=300)
    np.testing.assert_allclose(x, [1, 0], atol=1e-2)


def test_dual_balancing_of_losses_weighs_by_the_slope_of_logarithms():
    expected = slope(lambda values: np.sum(np.log(values)), L)
    np.testing.assert_allclose(weights(DualBalancing(3), L), expected, rtol=1e-4)


def test_logarithms_do_not_see_the_scale_of_a_loss():
    """Weights of the losses as they are, before they were scaled."""
    scales = np.array([1.0, 100.0, 0.01])
    for balancer in (DualBalancing(3), GeometricMean(3), FAMO(3)):
        plain, scaled = weights(balancer, L), weights(balancer, L * scales) * scales
        np.testing.assert_allclose(scaled / scaled.sum(), plain / plain.sum(), rtol=1e-4)


def test_famo_weighs_shares_by_inverse_losses_to_the_sum_one():
    balancer = FAMO(3)
    balancer.x.assign([0.2, -0.5, 0.1])
    z = softmax(balancer.x.numpy())
    np.testing.assert_allclose(weights(balancer, L), (z / L) / np.sum(z / L), rtol=1e-5)
    present = softmax(balancer.x.numpy()[[0, 2]]) / L[[0, 2]]
    expected = present / present.sum()
    np.testing.assert_allclose(weights(balancer, EMPTY)[[0, 2]], expected, rtol=1e-5)


def test_famo_unlearns_no_task_where_a_loss_is_below_0():
    """As that of a density may be, which has no logarithm."""
    for values in ([-0.5, 2.0, 0.25], [-1.0, 1.0, 3.0]):
        found = weights(FAMO(3), values)
        assert (found >= 0).all()
        np.testing.assert_allclose(found.sum(), 1, rtol=1e-6)


def test_famo_gives_weight_to_the_task_whose_loss_falls_least():
    balancer = FAMO(3, learning_rate=0.1, gamma=0.0)
    balancer.update(seen(L, after=L * np.array([0.5, 0.9, 0.8])))
    # δ = log before − log after; the slope Jᵀδ = z·(δ − z·δ), of which Adam takes the sign.
    fall = -np.log([0.5, 0.9, 0.8])
    np.testing.assert_allclose(balancer.x, -0.1 * np.sign(fall - fall.mean()), rtol=1e-4)


def test_famo_leaves_a_task_without_rows_as_it_is():
    balancer = FAMO(3, learning_rate=0.1, gamma=0.5)
    balancer.x.assign([0.1, 0.2, 0.3])
    balancer.update(seen(EMPTY, after=EMPTY * 0.5))
    assert balancer.x.numpy()[1] == np.float32(0.2)


@pytest.mark.slow
def test_famo_comes_to_a_pareto_point_whatever_the_scales():
    problem = Quadratics([[0, 0], [2, 0]], scales=[1, 100])
    x = problem.descend(FAMO(2), [1.5, 1.0], rate=0.005, steps=1500)
    assert abs(x[1]) < 0.02 and -0.02 < x[0] < 2.02


BALANCERS = {
    "fixed": lambda: Fixed(3),
    "decay": lambda: Decay([0.5, 1.0, 0.9], 2),
    "uncertainty": lambda: Uncertainty([False] * 3, [True] * 3),
    "dwa": lambda: DWA(3, 2),
    "random": lambda: RandomWeights(3, 1),
    "famo": lambda: FAMO(3),
    "stch": lambda: STCH(3),
    "db_mtl": lambda: DualBalancing(3),
    "geometric": lambda: GeometricMean(3),
}


@pytest.mark.parametrize("name", BALANCERS)
@pytest.mark.parametrize("values", [[0.5, 0, 0.25], [0, 0, 2], [0, 0, 0], [1e-12, 1e12, 1]])
def test_weights_and_what_is_remembered_stay_finite(name, values):
    balancer = BALANCERS[name]()
    for each in (L, values, values, L):
        assert np.isfinite(weights(balancer, each)).all()
        balancer.update(seen(each))
    for variable in state(balancer).values():
        assert np.isfinite(variable).all()


def test_among_none_there_is_no_mean_and_no_share():
    none = tf.constant([False, False])
    assert float(mean_among(none, tf.constant([1.0, 2.0]))) == 0.0
    np.testing.assert_array_equal(softmax_among(none, tf.constant([1.0, 2.0])), [0, 0])
