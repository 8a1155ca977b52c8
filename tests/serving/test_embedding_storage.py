"""An export may store embeddings in fewer bytes; it is held to the trained model's answers."""

import json

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from small_model import PIPELINE, build_model, changed, raw_rows
from toy import copied, number, servable

from tfmtl.errors import ExportError
from tfmtl.protos.export_pb2 import BFLOAT16, FLOAT32, INT8
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.serving import export
from tfmtl.serving.embedding_storage import TOLERANCES
from tfmtl.serving.gate import check_export
from tfmtl.serving.golden import GOLDEN_FILE, trial_rows
from tfmtl.serving.prediction_logs import read_records, write_records
from tfmtl.serving.signatures import build_servable

USER = ("user", "tags")


@pytest.fixture(scope="module")
def wide_pipeline(vocabulary):
    """The small model's, with embeddings of 6 and of 2 numbers."""
    pipeline = text_format.Parse(PIPELINE % vocabulary, Pipeline())
    for feature in pipeline.feature_configs:
        if feature.embedding_dim == 3:
            feature.embedding_dim = 6
        if feature.input_names[0] in USER:
            feature.side = feature.USER
    return pipeline


@pytest.fixture(scope="module")
def wide(wide_pipeline):
    return build_model(wide_pipeline)


@pytest.fixture(scope="module")
def servables(wide):
    return {
        storage: build_servable(
            wide.columns, wide.network, wide.tasks, user_columns=USER, storage=storage
        )
        for storage in (FLOAT32, BFLOAT16, INT8)
    }


def ask(servable, signature="serving_default", rows=None):
    rows = rows or raw_rows()
    outputs = servable.signatures[signature](
        {name: tf.constant(each) for name, each in rows.items()}
    )
    return {name: each.numpy() for name, each in outputs.items()}


def dtypes(servable):
    return {each.dtype.name for each in servable.module.embeddings.variables}


@pytest.mark.slow
def test_every_signature_answers_a_little_otherwise_and_alike(servables):
    trained = ask(servables[FLOAT32])
    rows = raw_rows()
    one_user = {n: c[:1] if n in USER else c[np.newaxis] for n, c in rows.items()}
    repeated = {n: np.repeat(c[:1], 4) if n in USER else c for n, c in rows.items()}
    for storage in (BFLOAT16, INT8):
        answers = ask(servables[storage])
        differences = [np.abs(answers[n] - trained[n]).max() for n in ("probs_ctr", "probs_rating")]
        assert 0 < max(differences) < TOLERANCES[storage]
        alike = ask(servables[storage], rows=repeated)["probs_ctr"]
        ranked = ask(servables[storage], "rank", one_user)["probs_ctr"]
        np.testing.assert_allclose(ranked[0], alike, rtol=1e-6)


def test_tables_of_few_numbers_a_row_are_not_worth_a_scale(servables):
    assert dtypes(servables[FLOAT32]) == set()
    assert dtypes(servables[BFLOAT16]) == {"bfloat16"}
    assert dtypes(servables[INT8]) == {"bfloat16", "int8", "float32"}
    shapes = {v.name: v.shape.as_list() for v in servables[INT8].module.embeddings.variables}
    rows = shapes["embeddings/width_6/int8:0"][0]
    assert shapes == {
        "embeddings/width_2/bfloat16:0": [7, 2],
        "embeddings/width_6/int8:0": [rows, 6],
        "embeddings/width_6/scale:0": [rows, 1],
    }


def test_what_was_trained_stays_and_does_not_go_along(servables, wide):
    tables = [each.ref() for each in wide.network.get_layer("embeddings").embedding_variables]
    for storage, stored in servables.items():
        saved = {each.ref() for each in stored.module.weights}
        assert saved.isdisjoint(tables) == (storage != FLOAT32)
        assert len(saved) == len(wide.network.weights) - (len(tables) if storage else 0)


def product(weight):
    """A servable that multiplies its one number."""
    inputs = {"serving_default": {"price": number(None, name="price")}}
    return servable(tf.Module(), inputs, [lambda raw: {"y": weight * raw["price"]}])


@pytest.mark.parametrize(("tolerance", "extremes"), [(1e-2, 2), (1e-4, 0)])
def test_extreme_rows_that_rounding_decides_are_left_out(tolerance, extremes):
    rows = {"price": np.array([0.5, 2.0], np.float32)}
    tried = trial_rows(product(1.0), rows, product(1.001), tolerance)
    assert tried["price"][:3].tolist() == [0.5, 2.0, 0.0]
    assert np.sum(np.abs(tried["price"]) > 1e20) == extremes


@pytest.fixture(scope="module")
def stored(wide, wide_pipeline, tmp_path_factory):
    pipeline = changed(
        wide_pipeline, "export_config { embedding_storage: INT8 embedding_outputs: 'all' }"
    )
    base = tmp_path_factory.mktemp("stored")
    return export(wide.network, wide.columns, wide.tasks, pipeline, base, raw_rows())


@pytest.mark.slow
def test_its_answers_are_the_trained_models_to_the_storages_tolerance(stored):
    told = json.loads((stored / "assets.extra" / "tfmtl_export.json").read_text("utf-8"))
    assert (told["embedding_storage"], told["tolerance"]) == ("INT8", TOLERANCES[INT8])
    assert told["signatures"]["embeddings"]["outputs"] == {
        "embedding_all": {"dtype": "float32", "shape": [None, 3 * 6 + 2 + 1 + 2]}
    }
    passed = check_export(stored)
    assert 1e-5 < passed.asked.deviation < TOLERANCES[INT8]


@pytest.mark.slow
def test_a_larger_tolerance_than_the_storages_is_refused(stored, tmp_path):
    folder = copied(stored, tmp_path / "1")
    path = folder / "assets.extra" / "tfmtl_export.json"
    told = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**told, "tolerance": 0.011}))
    with pytest.raises(ExportError, match=r"at most 0.01, .* in INT8. Received: 0.011\."):
        check_export(folder, ask=False)


@pytest.mark.slow
def test_more_than_the_tolerance_is_refused(stored, tmp_path):
    folder = copied(stored, tmp_path / "1")
    path = folder / "assets.extra" / GOLDEN_FILE
    records = read_records(path)
    for record in records:
        for name in set(record.outputs) & {"probs_ctr"}:
            record.outputs[name] = record.outputs[name] + np.float32(2 * TOLERANCES[INT8])
    write_records(path, records, "model")
    with pytest.raises(ExportError, match="as the trained model does. Output `probs_ctr`"):
        check_export(folder)
