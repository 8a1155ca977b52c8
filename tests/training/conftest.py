"""Makes the small pipeline for tests that ask for it."""

import pytest
from small_pipeline import make_pipeline


@pytest.fixture
def pipeline(tmp_path):
    return make_pipeline(tmp_path)
