import pytest

from tests.helpers import GOOD_CONFIG
from tfmtl import config


@pytest.fixture
def good():
    """A config without problems, afresh for each test."""
    return config.load_text(GOOD_CONFIG)
