"""The signature `embeddings` gives vectors of groups and layers, of the columns that they need."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format
from small_model import PIPELINE, build_model, raw_rows

from tfmtl.errors import ExportError
from tfmtl.protos.export_pb2 import INT8
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.serving.signatures import build_servable

GROUPS = """
model_config {
  feature_groups { group_name: "who" feature_names: "user" feature_names: "tags" }
}
feature_configs { feature_name: "weighed" input_names: "price" feature_type: RawFeature }
"""


@pytest.fixture(scope="module")
def two_groups(vocabulary):
    """The small model, one of whose towers reads a group of its own besides."""
    pipeline = text_format.Parse(PIPELINE % vocabulary, Pipeline())
    text_format.Merge(GROUPS, pipeline)
    fm = pipeline.model_config.mmoe.task_towers[0].dnn.interactions.add().fm
    fm.group_name = "who"
    return build_model(pipeline)


def served(model, names, **options):
    servable = build_servable(model.columns, model.network, model.tasks, vectors=names, **options)
    inputs = servable.inputs["embeddings"]
    rows = {name: tf.constant(raw_rows()[name]) for name in inputs}
    outputs = servable.signatures["embeddings"](rows)
    return list(inputs), {name: value.numpy() for name, value in outputs.items()}


def inside(model, layer):
    """What a layer of the network returns for the rows."""
    part = keras.Model(model.network.input, model.network.get_layer(layer).output)
    raw = {name: tf.constant(column) for name, column in raw_rows().items()}
    return part(model.columns.encode(raw), training=False).numpy()


def test_a_groups_vector_is_served_of_its_features_columns_alone(two_groups):
    inputs, outputs = served(two_groups, ["who"])
    assert inputs == ["user", "tags"]
    assert list(outputs) == ["embedding_who"]
    assert outputs["embedding_who"].shape == (4, 3 + 3)
    np.testing.assert_allclose(outputs["embedding_who"], inside(two_groups, "group/who"), 1e-6)


def test_layers_are_served_as_the_network_has_them(two_groups):
    inputs, outputs = served(two_groups, ["all", "ctr_tower"])
    assert sorted(inputs) == sorted(raw_rows())
    for name, layer in (("all", "group/all"), ("ctr_tower", "ctr_tower")):
        received = outputs[f"embedding_{name}"]
        assert received.dtype == np.float32
        np.testing.assert_allclose(received, inside(two_groups, layer), rtol=1e-5)


def test_stored_in_fewer_bytes_they_are_what_is_stored(two_groups):
    _, outputs = served(two_groups, ["who"], storage=INT8)
    expected = inside(two_groups, "group/who")
    differences = np.abs(outputs["embedding_who"] - expected)
    assert 0 < differences.max() <= np.abs(expected).max() / 200


def test_without_names_there_is_no_such_signature(two_groups):
    servable = build_servable(two_groups.columns, two_groups.network, two_groups.tasks)
    assert "embeddings" not in servable.signatures


def test_an_unknown_name_is_told_with_those_that_are_known(two_groups):
    with pytest.raises(ExportError) as error:
        served(two_groups, ["who", "ctr_towers"])
    text = str(error.value)
    assert text.startswith(
        "`export_config.embedding_outputs` should name feature groups, or layers of the network "
        'that return one vector a row. Received: "ctr_towers". Did you mean `ctr_tower`? Known: '
    )
    assert "who" in text and "ctr_gate" in text
