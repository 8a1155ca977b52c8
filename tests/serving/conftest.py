"""The small model, exported once."""

import pytest
from google.protobuf import text_format
from small_model import PIPELINE, build_model, raw_rows

from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.serving import export


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "cities.txt"
    path.write_text("oslo\nrome\nlima\n")
    return path


@pytest.fixture(scope="session")
def pipeline(vocabulary):
    """To be read only."""
    text = PIPELINE % vocabulary
    notes = vocabulary.with_name("notes.txt")
    notes.write_text("of mice and men")
    return text_format.Parse(f'{text} export_config {{ asset_files: "{notes}" }}', Pipeline())


@pytest.fixture(scope="session")
def model(pipeline):
    """Encoder, network with weights of some size, and tasks; to be read only."""
    return build_model(pipeline)


@pytest.fixture(scope="session")
def exported(model, pipeline, rows, tmp_path_factory):
    """The folder of a version."""
    base = tmp_path_factory.mktemp("export")
    metrics = {"global_step": 7, "auc_ctr": 0.75}
    return export(model.network, model.columns, model.tasks, pipeline, base, rows, metrics)


@pytest.fixture(scope="session")
def rows():
    """Raw columns as a reader gives them; to be read only."""
    return raw_rows()
