"""What the tests of features share: small configs, written as a user writes them."""

import pytest
from google.protobuf import text_format

from tfmtl.features import Columns
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.feature_pb2 import FeatureConfigV2


@pytest.fixture(scope="session")
def columns():
    """Makes an encoder of a text's features, over columns {name: TYPE or (TYPE, default)}."""

    def make(fields, features):
        declared = [_field(name, kind) for name, kind in fields.items()]
        return Columns(text_format.Parse(features, FeatureConfigV2()).features, declared)

    return make


def _field(name, kind):
    type_name, default = (kind, "") if isinstance(kind, str) else kind
    kind = DatasetConfig.FieldType.Value(type_name)
    return DatasetConfig.Field(input_name=name, input_type=kind, default_val=default)


@pytest.fixture
def words(tmp_path):
    """Writes words to a file, one a line, and returns its path."""

    def write(*words, name="words.txt", end="\n"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(end.join([*words, ""]).encode())
        return str(path)

    return write
