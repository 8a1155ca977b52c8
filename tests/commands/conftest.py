import logging

import pytest


@pytest.fixture(autouse=True)
def the_log_as_it_was():
    """Commands set up the package's log for their whole process, which here has other tests."""
    logger = logging.getLogger("tfmtl")
    before = logger.handlers, logger.level, logger.propagate
    yield
    logger.handlers, logger.propagate = before[0], before[2]
    logger.setLevel(before[1])
