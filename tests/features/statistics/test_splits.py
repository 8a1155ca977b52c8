"""The splits are those of a decision tree that is grown best first."""

import numpy as np
import pytest

from tfmtl.features.statistics import best_splits

tree = pytest.importorskip("sklearn.tree")


def rows(count=2000, seed=0):
    """Labels that are likely in the middle, and at the top."""
    random = np.random.default_rng(seed)
    values = random.normal(size=count).round(2)
    chance = np.where(np.abs(values) < 0.5, 0.6, np.where(values > 1.2, 0.9, 0.1))
    return values, (random.random(count) < chance).astype(np.float64), random.random(count) + 0.5


def edges_of(grown):
    return sorted(grown.tree_.threshold[grown.tree_.feature >= 0])


@pytest.mark.parametrize("leaves", [2, 3, 5, 9])
def test_the_first_edges_are_those_of_a_classifier_with_as_many_leaves(leaves):
    values, labels, _ = rows()
    grown = tree.DecisionTreeClassifier(max_leaf_nodes=leaves, min_samples_leaf=0.005)
    grown.fit(values[:, None], labels)
    edges = best_splits(values, labels)
    np.testing.assert_allclose(sorted(edges[: leaves - 1]), edges_of(grown), rtol=1e-6)


@pytest.mark.parametrize("leaves", [2, 4, 7])
def test_the_first_edges_are_those_of_a_regressor_of_weighted_rows(leaves):
    values, labels, weights = rows(500, seed=1)
    labels = labels + 3 * values
    grown = tree.DecisionTreeRegressor(max_leaf_nodes=leaves, min_samples_leaf=0.005)
    grown.fit(values[:, None], labels, sample_weight=weights)
    edges = best_splits(values, labels, weights)
    np.testing.assert_allclose(sorted(edges[: leaves - 1]), edges_of(grown), rtol=1e-6)


def test_a_clean_cut_is_found_halfway_and_nothing_more():
    assert best_splits(np.array([4.0, 1.0, 3.0, 2.0]), np.array([1.0, 0.0, 1.0, 0.0])) == [2.5]


@pytest.mark.parametrize(
    ("values", "labels"),
    [([], []), ([1.0], [1.0]), ([2.0, 2.0], [0.0, 1.0]), ([1.0, 2.0], [1.0, 1.0])],
)
def test_nothing_is_parted_where_nothing_can_be_told_apart(values, labels):
    assert best_splits(np.array(values), np.array(labels)) == []


def test_no_more_edges_come_than_asked_for_and_no_leaf_is_tiny():
    values, labels, _ = rows()
    assert len(best_splits(values, labels, most=3)) == 3
    edges = np.sort(best_splits(values, labels, least_share=0.1))
    assert np.bincount(np.searchsorted(edges, values, side="right")).min() >= 200
