"""Helpers for tests of readers: configs in one line, files in another."""

import gzip

import pytest
from google.protobuf import text_format

from tfmtl.protos import dataset_pb2


def make_config(text, /, **columns):
    """A data config; `price="FLOAT"` declares a column and `age="INT32 7"` one with a default."""
    config = text_format.Parse(text, dataset_pb2.DatasetConfig())
    for name, declaration in columns.items():
        kind, *default = declaration.split()
        kind = dataset_pb2.DatasetConfig.FieldType.Value(kind)
        config.input_fields.add(
            input_name=name, input_type=kind, default_val=default[0] if default else None
        )
    return config


def make_rows(source, batch_size=100, **options):
    """All rows of a source: `{column: list}`."""
    batches = [
        {name: values.numpy().tolist() for name, values in batch.items()}
        for batch in source.dataset(batch_size, **options)
    ]
    names = [column.name for column in source.columns]
    return {name: [cell for batch in batches for cell in batch[name]] for name in names}


@pytest.fixture(name="config", scope="session")
def config_fixture():
    return make_config


@pytest.fixture(name="rows", scope="session")
def rows_fixture():
    return make_rows


@pytest.fixture(name="write")
def write_fixture(tmp_path):
    """Writes files, `{name: content}`, into the test's folder, and returns the folder's path."""

    def write(contents):
        for name, content in contents.items():
            content = content.encode() if isinstance(content, str) else content
            packed = gzip.compress(content) if name.endswith(".gz") else content
            (tmp_path / name).write_bytes(packed)
        return str(tmp_path)

    return write
