"""The feature groups, as an architecture reads them."""

from types import SimpleNamespace

import pytest

from tfmtl.errors import ConfigError
from tfmtl.models._groups import Groups


@pytest.fixture
def built():
    return []


@pytest.fixture
def groups(built):
    def build(suffix):
        built.append(suffix)
        return {name: SimpleNamespace(vector=f"{name}{suffix}") for name in ("all", "user")}

    def wide(**arguments):
        return arguments

    return Groups(build, wide, {"all": 3, "user": 2})


def test_groups_are_built_once_and_only_when_read(groups, built):
    assert built == []
    assert (groups["all"], groups["user"]) == ("all", "user")
    assert built == [""]


def test_groups_of_an_owner_are_built_for_it_alone(groups, built):
    assert (groups.own("ctr")["all"], groups.own("ctr")["user"]) == ("all_ctr", "user_ctr")
    assert built == ["_ctr"]


def test_groups_of_an_owner_have_the_same_features(groups):
    assert (groups.size("user"), groups.own("ctr").size("all")) == (2, 3)


def test_a_wide_part_is_that_of_the_layer_it_is_named_for(groups):
    expected = {"group_name": "user", "width": 4, "l2": 0.1, "name": "ctr_tower_wide/user"}
    assert groups.wide("user", 4, 0.1, "ctr_tower_wide/user") == expected
    assert groups.own("ctr").wide("user", 4, 0.1, "ctr_tower_wide/user") == expected


@pytest.mark.parametrize(
    "read",
    [
        lambda groups: groups["item"],
        lambda groups: groups.size("item"),
        lambda groups: groups.wide("item", 1, 0.0, "ctr_tower_wide/item"),
    ],
)
def test_an_unknown_group_is_told_with_the_known_ones(groups, read):
    with pytest.raises(ConfigError) as error:
        read(groups)
    assert str(error.value) == (
        '`feature_groups` should have a group named "item". Received: "all", "user".'
    )
