"""Balancers that look at the tasks' gradients: formulas, known Pareto points, opposed gradients."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from quadratics import Quadratics, gram_of, repeat, seen

from tfmtl.tasks.balancing.aligned import AlignedMTL
from tfmtl.tasks.balancing.cagrad import CAGrad
from tfmtl.tasks.balancing.db_mtl import DualBalancing
from tfmtl.tasks.balancing.gradnorm import GradNorm
from tfmtl.tasks.balancing.imtl import IMTL
from tfmtl.tasks.balancing.mgda import MGDA
from tfmtl.tasks.balancing.nash import NashMTL
from tfmtl.tasks.balancing.pareto import Pareto
from tfmtl.tasks.balancing.pcgrad import PCGrad
from tfmtl.tasks.balancing.simplex import project

BALANCERS = {
    "gradnorm": lambda count: GradNorm(count),
    "pareto": lambda count: Pareto([0.0] * count),
    "mgda": lambda count: MGDA(count),
    "mgda, normalized": lambda count: MGDA(count, by_norm=True, by_loss=True),
    "pcgrad": lambda count: PCGrad(count, seed=3),
    "cagrad": lambda count: CAGrad(count),
    "imtl": lambda count: IMTL(count),
    "aligned": lambda count: AlignedMTL(count),
    "nash": lambda count: NashMTL(count),
    "nash, now and then": lambda count: NashMTL(count, every_steps=3),
    "db_mtl": lambda count: DualBalancing(count, balance_gradients=True),
}
ONES = [1.0, 1.0, 1.0]


def random_gradients(count=3, width=5, seed=0):
    return gram_of(np.random.default_rng(seed).normal(size=(count, width)) * [[1], [3], [0.2]])


def weights(balancer, gram, values=None):
    values = tf.ones(gram.shape[0]) if values is None else tf.constant(values, tf.float32)
    shared, own = balancer.weights(values, gram)
    return shared.numpy().astype("float64"), own.numpy()


def simplex_grid(count, steps=60):
    """Weights of sum 1, evenly."""
    points = itertools.product(range(steps + 1), repeat=count - 1)
    return np.array([[*p, steps - sum(p)] for p in points if sum(p) <= steps]) / steps


# Known answers.


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BALANCERS if name != "mgda"])
def test_two_quadratics_are_led_to_a_pareto_point(name):
    """The segment between the centres, whatever the way there."""
    problem = Quadratics([[0, 0], [2, 0]])
    x = problem.descend(BALANCERS[name](2), [0.7, 1.0], rate=0.03, steps=250)
    assert abs(x[1]) < 0.05 and -0.05 < x[0] < 2.05


def test_multiple_gradient_descent_stops_on_the_pareto_point_straight_below():
    """Above the segment between the centres, the shortest sum points straight down to it."""
    problem = Quadratics([[0, 0], [2, 0]])
    x = problem.descend(MGDA(2), [0.7, 1.0], steps=200)
    np.testing.assert_allclose(x, [0.7, 0], atol=1e-4)


@pytest.mark.parametrize("name", ["mgda", "pareto", "nash", "imtl", "cagrad", "pcgrad"])
def test_no_task_gets_worse_by_a_step(name):
    """The sum of the weighted gradients is no ascent for any, where gradients conflict mildly."""
    g, gram = gram_of([[1.0, 0.2, 0.0], [-0.3, 1.0, 0.1]])
    assert (g @ g.T)[0, 1] < 0
    shared, _ = weights(BALANCERS[name](2), gram)
    assert (g @ (shared @ g) >= -1e-6).all()


@pytest.mark.parametrize("name", ["mgda", "pareto", "pcgrad", "imtl", "cagrad"])
def test_opposed_gradients_leave_no_direction(name):
    """Of g and −2g: what is left is 0; of conflict-averse descent, what its mean brings in."""
    g, gram = gram_of([[1.0, 2.0], [-2.0, -4.0]])
    shared, _ = weights(BALANCERS[name](2), gram)
    expected = g.mean(axis=0) * 0.6 if name == "cagrad" else [0, 0]
    np.testing.assert_allclose(shared @ g, expected, atol=1e-3)


@pytest.mark.slow
def test_exactly_opposed_gradients_give_finite_weights():
    _, gram = gram_of([[1.0, 2.0], [-1.0, -2.0]])
    for name, make in BALANCERS.items():
        shared, own = weights(make(2), gram)
        assert np.isfinite(shared).all() and np.isfinite(own).all(), name


@pytest.mark.parametrize("name", ["nash", "imtl", "db_mtl"])
def test_the_scale_of_a_task_does_not_matter(name):
    """Two tasks of unequal scale: the sum points as if they were of the same."""
    g, _ = random_gradients()
    values = np.array([0.5, 1.0, 2.0])
    sums = []
    for scale in (np.ones(3), np.array([1.0, 100.0, 0.01])):
        scaled, gram = gram_of(g * scale[:, None])
        shared, _ = weights(BALANCERS[name](3), gram, values * scale)
        total = shared @ scaled
        sums.append(total / np.linalg.norm(total))
    np.testing.assert_allclose(*sums, atol=1e-3)


# Formulas.


def test_gradnorm_brings_gradients_of_unequal_scale_to_one_length():
    balancer = GradNorm(2, alpha=0.0, learning_rate=0.002)
    norms = np.array([1.0, 50.0])
    repeat(balancer, seen([1.0, 1.0], np.diag(norms**2)), 1000)
    w = weights(balancer, tf.zeros([2, 2]))[0]
    np.testing.assert_allclose(w, 2 * (1 / norms) / np.sum(1 / norms), atol=5e-3)
    np.testing.assert_allclose(w.sum(), 2, rtol=1e-5)


def test_a_step_of_gradnorm_moves_weights_towards_lengths_by_lag():
    balancer = GradNorm(2, alpha=1.5, learning_rate=0.1)
    balancer.update(seen([1.0, 1.0], np.diag([1.0, 1.0])))
    np.testing.assert_allclose(balancer.w, [1, 1])  # They have the length they should.
    balancer.update(seen([1.0, 0.25], np.diag([1.0, 1.0])))
    # The second has learned more: its gradient should be shorter, that of the first longer.
    w = balancer.w.numpy()
    assert w[0] > 1 > w[1]
    np.testing.assert_allclose(w.sum(), 2, rtol=1e-6)


def test_gradnorm_does_not_move_a_task_without_rows():
    balancer = GradNorm(3, learning_rate=0.1)
    balancer.update(seen([1.0, 1.0, 1.0], np.diag([1.0, 4.0, 9.0])))
    before = {name: variable.numpy()[1] for name, variable in balancer.variables.items()}
    balancer.update(seen([1.0, 0.0, 0.5], np.diag([1.0, 0.0, 9.0])))
    after = {name: variable.numpy()[1] for name, variable in balancer.variables.items()}
    del before["w"], after["w"]  # It is scaled as all are, to the sum 3.
    assert after == before
    np.testing.assert_array_equal(balancer.variables["adam/t"], [2, 1, 2])


@pytest.mark.parametrize("seed", range(3))
def test_multiple_gradient_descent_finds_the_shortest_sum(seed):
    g, gram = random_gradients(seed=seed)
    shared, own = weights(MGDA(3), gram)
    lengths = np.linalg.norm(simplex_grid(3) @ g, axis=1)
    assert np.linalg.norm(shared @ g) <= lengths.min() + 1e-6
    assert np.linalg.norm(shared @ g) >= lengths.min() - 0.1
    np.testing.assert_allclose(shared.sum(), 1, rtol=1e-6)
    assert (shared >= 0).all()
    np.testing.assert_array_equal(own, shared.astype("float32"))


def test_of_two_tasks_the_shortest_sum_has_a_closed_form():
    g, gram = gram_of([[2.0, 1.0], [-1.0, 3.0]])
    first = (g[1] - g[0]) @ g[1] / np.sum((g[0] - g[1]) ** 2)
    np.testing.assert_allclose(weights(MGDA(2), gram)[0], [first, 1 - first], rtol=1e-6)
    # The shorter one alone, where the other is longer in its direction.
    _, gram = gram_of([[1.0, 0.0], [3.0, 1.0]])
    np.testing.assert_allclose(weights(MGDA(2), gram)[0], [1, 0], atol=1e-6)


def test_gradients_may_be_divided_by_norm_and_loss():
    g, gram = gram_of([[2.0, 1.0], [-10.0, 30.0]])
    values = np.array([0.5, 4.0])
    for by_norm, by_loss in itertools.product([False, True], repeat=2):
        divisors = np.ones(2)
        divisors *= np.linalg.norm(g, axis=1) if by_norm else 1
        divisors *= values if by_loss else 1
        _, scaled = gram_of(g / divisors[:, None])
        expected = weights(MGDA(2), scaled)[0]
        actual = weights(MGDA(2, by_norm=by_norm, by_loss=by_loss), gram, values)[0]
        np.testing.assert_allclose(actual, expected, rtol=1e-4)


def test_a_loss_below_0_turns_no_gradient_round():
    _, gram = gram_of([[2.0, 1.0], [-10.0, 30.0]])
    below, above = (weights(MGDA(2, by_loss=True), gram, [sign * 0.5, 4.0])[0] for sign in (-1, 1))
    np.testing.assert_allclose(below, above)


def test_pareto_is_the_shortest_sum_above_bounds():
    g, gram = gram_of([[2.0, 1.0], [-1.0, 3.0]])
    free = weights(MGDA(2), gram)[0]  # Inside, as a test above shows: no bound is touched.
    np.testing.assert_allclose(weights(Pareto([0.0, 0.0]), gram)[0], free, rtol=1e-4)
    np.testing.assert_allclose(weights(Pareto([0.9, 0.0]), gram)[0], [0.9, 0.1], rtol=1e-4)
    bounds = np.array([0.2, 0.5])
    shared = weights(Pareto(bounds), gram)[0]
    # Of two tasks, the nearest is the shortest within the bounds, too.
    grid = np.array([[1 - w, w] for w in np.linspace(0.5, 0.8, 301)])
    best = grid[np.argmin(np.linalg.norm(grid @ g, axis=1))]
    np.testing.assert_allclose(shared, best, atol=2e-3)


def test_projection_is_the_nearest_point_of_a_sum():
    point = np.array([0.8, 0.5, -0.3])
    found = project(tf.constant(point), tf.constant(0.6, tf.float64)).numpy()
    grid = 0.6 * simplex_grid(3, 60)
    best = grid[np.argmin(np.sum((grid - point) ** 2, axis=1))]
    np.testing.assert_allclose(found, best, atol=0.01)
    np.testing.assert_allclose(found.sum(), 0.6)


def numpy_pcgrad(g, orders):
    sums = []
    for i, order in enumerate(orders):
        h = g[i].copy()
        for j in order:
            if j != i and h @ g[j] < 0:
                h -= h @ g[j] / (g[j] @ g[j]) * g[j]
        sums.append(h)
    return np.sum(sums, axis=0)


def test_projecting_takes_away_what_conflicts():
    g, gram = gram_of([[1.0, 0.5, 0.0], [-1.0, 1.0, 0.3], [0.2, -2.0, 1.0]])
    assert (g @ g.T)[0, 1] < 0 > (g @ g.T)[1, 2]
    balancer = PCGrad(3, seed=5)
    orders_seen = set()
    for _ in range(4):
        orders = balancer._orders().numpy()
        orders_seen.add(orders.tobytes())
        shared, own = weights(balancer, gram)
        np.testing.assert_allclose(shared @ g, numpy_pcgrad(g, orders), rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(own, [1, 1, 1])
        balancer.update(seen(ONES))
    assert len(orders_seen) > 1


def test_gradients_without_conflict_are_added_up_as_they_are():
    _, gram = gram_of([[1.0, 0.5], [0.2, 1.0]])
    np.testing.assert_allclose(weights(PCGrad(2, seed=1), gram)[0], [1, 1])


@pytest.mark.parametrize("seed", range(3))
def test_conflict_averse_descent_helps_the_worst_task_most(seed):
    g, gram = random_gradients(seed=seed)
    shared, own = weights(CAGrad(3, c=0.4), gram)
    mean = g.mean(axis=0)
    direction, radius = shared @ g, 0.4 * np.linalg.norm(mean)
    assert np.linalg.norm(direction - mean) <= radius * 1.001
    # No direction of that ball does more for the worst: the dual's bound, over all weights.
    w = simplex_grid(3, 200) @ g
    bound = np.min(w @ mean + radius * np.linalg.norm(w, axis=1))
    np.testing.assert_allclose(np.min(g @ direction), bound, rtol=0.02, atol=1e-3)
    np.testing.assert_array_equal(own, [1, 1, 1])


def test_conflict_averse_descent_of_radius_zero_is_the_mean():
    _, gram = random_gradients()
    np.testing.assert_allclose(weights(CAGrad(3, c=0.0), gram)[0], np.full(3, 1 / 3), rtol=1e-5)


def test_impartial_learning_has_the_same_projection_on_all_gradients():
    g, gram = random_gradients()
    shared, own = weights(IMTL(3, balance_losses=False), gram)
    units = g / np.linalg.norm(g, axis=1, keepdims=True)
    projections = units @ (shared @ g)
    np.testing.assert_allclose(projections, projections[0], rtol=1e-3)
    np.testing.assert_allclose(shared.sum(), 1, rtol=1e-5)
    np.testing.assert_array_equal(own, [1, 1, 1])


def test_of_two_tasks_impartial_weights_are_inverse_to_the_norms():
    g, gram = gram_of([[2.0, 1.0], [-1.0, 5.0]])
    inverse = 1 / np.linalg.norm(g, axis=1)
    expected = inverse / inverse.sum()
    np.testing.assert_allclose(weights(IMTL(2, balance_losses=False), gram)[0], expected, rtol=1e-4)


def test_impartial_losses_come_to_rest_at_one():
    balancer = IMTL(3, learning_rate=0.1)
    values = [0.5, 2.0, 0.25]
    repeat(balancer, seen(values), 300)
    _, gram = random_gradients()
    _, own = weights(balancer, gram, values)
    np.testing.assert_allclose(own * values, ONES, rtol=1e-2)


def test_aligned_gradients_are_orthogonal_and_of_the_shortest_component_length():
    g, gram = random_gradients()
    shared, own = weights(AlignedMTL(3), gram)
    u, sigma, vt = np.linalg.svd(g, full_matrices=False)
    np.testing.assert_allclose(shared @ g, sigma.min() * np.ones(3) @ u @ vt, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(own, [1, 1, 1])


def test_aligned_gradients_of_a_common_direction_have_one_component():
    g, gram = gram_of([[1.0, 2.0], [2.0, 4.0]])
    shared, _ = weights(AlignedMTL(2), gram)
    sigma = np.sqrt(25.0)  # Of the one component: √(5 + 20).
    u = np.array([1, 2]) / np.sqrt(5)
    expected = sigma * u.sum() * np.array([1, 2]) / np.sqrt(5)
    np.testing.assert_allclose(shared @ g, expected, rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_bargain_solves_its_equation(scale):
    g, gram = gram_of(random_gradients()[0] * scale)
    shared, own = weights(NashMTL(3, max_norm=0.0), gram)
    np.testing.assert_allclose(g @ g.T @ shared, 1 / shared, rtol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(shared @ g), np.sqrt(3), rtol=1e-4)
    np.testing.assert_array_equal(own, shared.astype("float32"))


def test_the_sum_that_was_bargained_for_is_shortened():
    g, gram = random_gradients()
    free, _ = weights(NashMTL(3, max_norm=0.0), gram)
    shared, own = weights(NashMTL(3, max_norm=0.5), gram)
    np.testing.assert_allclose(np.linalg.norm(shared @ g), 0.5, rtol=1e-4)
    np.testing.assert_allclose(own, free, rtol=1e-5)


def test_bargains_are_kept_for_some_steps():
    balancer = NashMTL(3, max_norm=0.0, every_steps=2)
    grams = [random_gradients(seed=seed)[1] for seed in range(4)]
    found = []
    for gram in grams:
        found.append(weights(balancer, gram)[0])
        balancer.update(seen(ONES, gram))
    fresh = [weights(NashMTL(3, max_norm=0.0), gram)[0] for gram in grams]
    for actual, expected in zip(found, [fresh[0], fresh[0], fresh[2], fresh[2]], strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_dual_balancing_gives_all_the_longest_gradient_of_a_logarithm():
    g, gram = random_gradients()
    values = np.array([0.5, 2.0, 4.0])
    shared, own = weights(DualBalancing(3, balance_gradients=True), gram, values)
    longest = np.max(np.linalg.norm(g / values[:, None], axis=1))
    np.testing.assert_allclose(np.linalg.norm(shared[:, None] * g, axis=1), longest, rtol=1e-4)
    np.testing.assert_allclose(own, 1 / values, rtol=1e-5)


# Tasks without rows, and gradients that are not finite.


@pytest.mark.parametrize("name", [n for n in BALANCERS if n not in ("gradnorm", "imtl", "pcgrad")])
def test_a_task_without_gradient_is_as_if_it_were_not_there(name):
    g, _ = random_gradients()
    _, all_gram = gram_of(np.stack([g[0], g[1] * 0, g[2]]))
    _, gram = gram_of(g[[0, 2]])
    with_empty = weights(BALANCERS[name](3), all_gram, [0.5, 0.0, 2.0])[0]
    without = weights(BALANCERS[name](2), gram, [0.5, 2.0])[0]
    np.testing.assert_allclose(with_empty[[0, 2]], without, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", BALANCERS)
@pytest.mark.parametrize("present", [[], [1], [0, 2]])
def test_weights_and_what_is_remembered_are_finite_with_tasks_missing(name, present):
    g, full = random_gradients()
    balancer = BALANCERS[name](3)
    values = np.zeros(3)
    values[present] = [0.5, 2.0, 1.0][: len(present)]
    some = g * (values != 0)[:, None]
    for each, gram in ((np.ones(3), full), (values, gram_of(some)[1]), (np.ones(3), full)):
        shared, own = weights(balancer, gram, each)
        assert np.isfinite(shared).all() and np.isfinite(own).all()
        balancer.update(seen(each, gram))
    for variable in balancer.variables.values():
        assert np.isfinite(variable.numpy()).all()


@pytest.mark.parametrize("name", BALANCERS)
@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_gradients_that_are_not_finite_are_no_error_here(name, broken):
    """The training tells of them, with the step and the task."""
    gram = np.full((3, 3), broken)
    shared, _ = BALANCERS[name](3).weights(tf.ones(3), tf.constant(gram, tf.float32))
    assert shared.shape == (3,)
