"""Every broken config of `broken_configs.txt` is told in its exact words."""

import pathlib
import re

import pytest

from tests.helpers import GOOD_CONFIG
from tfmtl import config
from tfmtl.errors import ConfigError

TABLE = pathlib.Path(__file__).with_name("broken_configs.txt").read_text(encoding="utf-8")


def read_cases():
    """The cases of the table by name: pairs of old and new text, and problems."""
    blocks = re.split(r"^= (.*)\n", TABLE, flags=re.MULTILINE)[1:]
    return dict(zip(blocks[::2], map(read_case, blocks[1::2]), strict=True))


def read_case(block):
    changes = re.findall(r"((?:^- .*\n)+)((?:^\+.*\n)+)", block, flags=re.MULTILINE)
    problems = re.findall(r"^> (.*)\n", block, flags=re.MULTILINE)
    return [(unmarked(old), unmarked(new)) for old, new in changes], problems


def unmarked(lines):
    return "\n".join(line[2:] for line in lines.splitlines())


def changed(text, changes):
    for old, new in changes:
        pattern = re.escape(old).replace(re.escape("..."), "(?s:.*?)")
        text, found = re.subn(pattern, lambda _, new=new: new, text, count=1)
        assert found, f"The config has no {old!r}."
    return text


CASES = read_cases()


@pytest.mark.parametrize("name", CASES)
def test_problems_are_told_word_by_word(name):
    changes, problems = CASES[name]
    with pytest.raises(ConfigError) as caught:
        config.load_text(changed(GOOD_CONFIG, changes), source="c.config")
    assert caught.value.problems == problems


def test_table_has_every_case_once():
    assert len(CASES) == TABLE.count("\n= ") > 100


def test_config_that_is_changed_has_no_problem_itself():
    assert config.validate(config.load_text(GOOD_CONFIG)) == []
