"""What is listed in a config has names of its own for its layers."""

import pytest

from tfmtl.config.layer_names import layer_names


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["a", "", "b"], ["a", "1", "b"]),
        (["a", "a", "a"], ["a", "a_1", "a_2"]),
        (["a", "a", "a_1"], ["a", "a_1", "a_1_2"]),
    ],
)
def test_no_name_comes_twice(given, names):
    assert layer_names(given) == names
