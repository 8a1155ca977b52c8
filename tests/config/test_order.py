"""The order of names that read each other, and circles."""

import itertools

from tfmtl.config.order import circle, ordered

CHAIN = {str(n): [str(n + 1)] for n in range(5000)}  # Longer than Python's stack.


def diamonds(count):
    """Of 2ᶜᵒᵘⁿᵗ ways: 0 reads 0a and 0b, which both read 1, and so on."""
    parts = {str(n): [f"{n}a", f"{n}b"] for n in range(count)}
    meets = {f"{n}{way}": [str(n + 1)] for n in range(count) for way in "ab"}
    return {**parts, **meets}


def test_names_come_behind_what_they_read_and_only_those_that_are_reached():
    reads = {"a": ["b", "c"], "b": ["d"], "c": ["d", "b"], "x": ["a"]}
    assert ordered(reads, ["a"]) == ["d", "b", "c", "a"]
    assert ordered(reads, ["b", "x"]) == ["d", "b", "c", "a", "x"]


def test_a_circle_is_a_way_back_without_what_leads_to_it():
    assert circle({"x": ["y"], "y": ["z", "a"], "a": ["b"], "b": ["a"]}) == ["a", "b", "a"]
    assert circle({"x": ["x"]}) == ["x", "x"]
    assert circle({"a": ["b", "c"], "b": ["c"]}) == []


def test_chains_may_be_long():
    assert ordered(CHAIN, ["0"]) == [str(n) for n in range(5000, -1, -1)]
    assert circle(CHAIN) == []
    assert circle({**CHAIN, "5000": ["4999"]}) == ["4999", "5000", "4999"]


def test_ways_that_part_and_meet_are_not_all_gone():
    reads = diamonds(200)
    order = ordered(reads, ["0"])
    assert len(order) == 3 * 200 + 1
    places = {name: place for place, name in enumerate(order)}
    edges = itertools.chain(*([(name, each) for each in its] for name, its in reads.items()))
    assert all(places[read] < places[reader] for reader, read in edges)
    assert circle({**reads, "200": ["199"]}) == ["199", "199a", "200", "199"]
