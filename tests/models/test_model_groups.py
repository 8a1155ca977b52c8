"""The feature groups, as an architecture reads them."""

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
        return {"all": f"all{suffix}", "user": f"user{suffix}"}

    return Groups(build)


def test_groups_are_built_once_and_only_when_read(groups, built):
    assert built == []
    assert (groups["all"], groups["user"]) == ("all", "user")
    assert built == [""]


def test_groups_of_an_owner_are_built_for_it_alone(groups, built):
    assert (groups.own("ctr")["all"], groups.own("ctr")["user"]) == ("all_ctr", "user_ctr")
    assert built == ["_ctr"]


def test_an_unknown_group_is_told_with_the_known_ones(groups):
    with pytest.raises(ConfigError) as error:
        groups["item"]
    assert str(error.value) == (
        '`feature_groups` should have a group named "item". Received: "all", "user".'
    )
