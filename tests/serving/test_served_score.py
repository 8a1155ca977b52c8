"""The score of an export: where there is only TensorFlow, from Python, and in files."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small_model import ROWS, answers, build_model, changed, check_against

from tfmtl.errors import ExportError
from tfmtl.serving import Predictor, export, sample_rows, score_files
from tfmtl.serving.export import check_exportable
from tfmtl.serving.signatures import build_servable
from tfmtl.tasks import build_score

SCORE = """model_config { score {
  expression: "ctr * expected(rating) * log(price + b) ^ a + where(unused > 3, 1, 0) * stay"
  weights { name: "a" default_value: 0.5 description: "how much the price counts" }
  weights { name: "b" default_value: 1.5 }
} }"""
UNUSED = np.array([1, 9, 4, 3], np.int64)


def expected_score(predictions, price, a=0.5, b=1.5):
    """The formula of `SCORE`."""
    rating = predictions["probs_rating"] @ np.arange(3)
    # No price is the column's default, and every logarithm here is above 0.
    price = np.log(np.where(np.isnan(price), 2.5, price) + b)
    return predictions["probs_ctr"] * rating * price**a + (UNUSED > 3) * predictions["y_stay"]


@pytest.fixture(scope="module")
def scored(pipeline):
    """The pipeline with a score; to be read only."""
    return changed(pipeline, SCORE)


@pytest.fixture(scope="module")
def scored_model(scored):
    return build_model(scored)


@pytest.fixture(scope="module")
def all_rows(rows):
    """The rows with the column that only the score reads."""
    return {**rows, "unused": UNUSED}


def servable_of(model, pipeline):
    return build_servable(model.columns, model.network, model.tasks, score=build_score(pipeline))


@pytest.fixture(scope="module")
def servable(scored_model, scored):
    return servable_of(scored_model, scored)


@pytest.fixture(scope="module")
def folder(scored_model, scored, all_rows, tmp_path_factory):
    base = tmp_path_factory.mktemp("scored")
    return export(
        scored_model.network, scored_model.columns, scored_model.tasks, scored, base, all_rows
    )


@pytest.fixture(scope="module")
def predictions(scored_model, rows):
    return answers(scored_model, rows)


def ask(servable, signature, inputs):
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    return servable.signatures[signature](tensors)["score"].numpy()


def test_the_score_is_served_beside_the_predictions(servable, all_rows, predictions):
    score = ask(servable, "serving_default", all_rows)
    np.testing.assert_allclose(score, expected_score(predictions, ROWS["price"]), rtol=1e-5)


def test_every_input_has_a_value_for_each_row(servable):
    columns = {"user", "city", "level", "tags", "price", "vector", "unused"}
    assert set(servable.inputs["serving_default"]) == columns
    assert set(servable.inputs["with_weights"]) == columns | {"weight_a", "weight_b"}
    for inputs in servable.inputs.values():
        assert all(spec.shape.as_list() == [None] for spec in inputs.values())


def test_weights_are_one_for_each_row_or_one_for_all(servable, all_rows, predictions):
    a = np.array([0.0, 1.0, 2.0, np.nan], np.float32)
    given = {"weight_a": a, "weight_b": np.full(4, 3.0, np.float32)}
    wanted = expected_score(predictions, ROWS["price"], np.where(np.isnan(a), 0.5, a), 3.0)
    np.testing.assert_allclose(
        ask(servable, "with_weights", {**all_rows, **given}), wanted, rtol=1e-5
    )
    one = {"weight_a": np.array([2.0], np.float32), "weight_b": np.array([np.nan], np.float32)}
    wanted = expected_score(predictions, ROWS["price"], 2.0)
    np.testing.assert_allclose(
        ask(servable, "with_weights", {**all_rows, **one}), wanted, rtol=1e-5
    )


ONLY_TENSORFLOW = """
    import json, sys
    sys.modules.update(dict.fromkeys(["tfmtl", "keras", "tf_keras", "tensorflow_recommenders"]))
    import tensorflow as tf
    signatures = tf.saved_model.load(sys.argv[1]).signatures
    rows = dict(
        user=tf.constant(["u1", "u2", "", "u1"]),
        city=tf.constant(["rome", "oslo", "nowhere", ""]),
        level=tf.constant([0, 6, 99, -1]),
        tags=tf.constant(["a|b", "", "c", "a|a|z"]),
        price=tf.constant([0.0, 2.5, float("nan"), 7.25]),
        vector=tf.constant(["0.5|1", "3|4", "", "1"]),
        unused=tf.constant([1, 9, 4, 3], tf.int64),
    )
    weights = dict(weight_a=tf.fill([4], 2.0), weight_b=tf.fill([4], float("nan")))
    asked = [signatures["serving_default"](**rows), signatures["with_weights"](**rows, **weights)]
    print(json.dumps([answer["score"].numpy().tolist() for answer in asked]))
"""


@pytest.mark.slow
def test_it_is_the_same_where_there_is_only_tensorflow(folder, scored_model, rows):
    done = subprocess.run(
        [sys.executable, "-I", "-c", textwrap.dedent(ONLY_TENSORFLOW), str(folder)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    price = np.array([0.0, 2.5, np.nan, 7.25], np.float32)
    predicted = answers(scored_model, {**rows, "price": price})
    default, weighted = json.loads(done.stdout)
    np.testing.assert_allclose(default, expected_score(predicted, price), rtol=1e-5)
    np.testing.assert_allclose(weighted, expected_score(predicted, price, a=2.0), rtol=1e-5)


@pytest.mark.slow
def test_the_sample_request_has_the_weights_that_are_the_default(folder):
    request = json.loads((folder.parent / "request_with_weights.json").read_text("utf-8"))
    weights = [(row["weight_a"], row["weight_b"]) for row in request["instances"]]
    assert weights == [(0.5, 1.5), (0.5, 1.5)]


def test_without_weights_there_is_no_signature_of_them(scored_model, pipeline):
    plain = changed(pipeline, 'model_config { score { expression: "ctr" } }')
    assert "with_weights" not in servable_of(scored_model, plain).signatures


@pytest.mark.slow
def test_a_wrong_default_fails_the_check(folder, scored_model, scored, all_rows):
    other = changed(scored, "")
    other.model_config.score.weights[1].default_value = 0.75
    with pytest.raises(ExportError, match="Output `score` of signature `[a-z_]+` should be"):
        check_against(folder, servable_of(scored_model, other), all_rows)


@pytest.mark.slow
def test_a_weight_without_effect_fails_the_check(folder, scored_model, scored, all_rows):
    other, old = changed(scored, ""), scored.model_config.score.expression
    # The same by default.
    other.model_config.score.expression = old.replace("^ a", "^ where(a == 0.5, a, 7)")
    with pytest.raises(ExportError, match="Output `score` of signature `[a-z_]+` should be"):
        check_against(folder, servable_of(scored_model, other), all_rows)


@pytest.fixture(scope="module")
def frame():
    return pd.DataFrame({**ROWS, "unused": UNUSED})


@pytest.mark.slow
def test_a_predictor_gives_the_score(folder, frame, predictions):
    predictor = Predictor(folder)
    assert "unused" in predictor.inputs and "score" in predictor.outputs
    np.testing.assert_allclose(
        predictor.predict(frame)["score"], expected_score(predictions, ROWS["price"]), rtol=1e-5
    )


@pytest.mark.slow
def test_a_predictor_takes_some_of_the_weights(folder, frame, predictions):
    predictor = Predictor(folder, batch_size=3, score_weights={"a": 2.0})
    assert predictor.inputs == Predictor(folder).inputs
    np.testing.assert_allclose(
        predictor.predict(frame)["score"],
        expected_score(predictions, ROWS["price"], a=2),
        rtol=1e-5,
    )


@pytest.mark.slow
def test_an_unknown_weight_is_told_and_what_there_is(folder):
    with pytest.raises(ExportError) as error:
        Predictor(folder, score_weights={"alpha": 2.0})
    assert str(error.value) == (
        "`score_weights` should name weights of the model's score. Received: `alpha`. "
        "Known: a (0.5) - how much the price counts; b (1.5)."
    )
    with pytest.raises(ExportError, match="should be finite numbers. Received: a=nan."):
        Predictor(folder, score_weights={"a": float("nan")})


def test_a_model_without_a_score_has_no_weights(exported):
    with pytest.raises(ExportError, match="Received: `a`. Known: none."):
        Predictor(exported, score_weights={"a": 1.0})


@pytest.mark.slow
def test_files_get_the_score(folder, frame, tmp_path):
    lines = [
        ["u1", "rome", "0", "a|b", "0.0", "0.5|1", "1"],
        ["u2", "oslo", "6", "", "2.5", "3|4", "9"],
    ]
    data = tmp_path / "rows.csv"
    data.write_text("".join(",".join(line) + "\n" for line in lines))
    predictor = Predictor(folder)
    score_files(predictor, str(data), tmp_path / "out.csv", reserved=["user"], outputs=["score"])
    written = pd.read_csv(tmp_path / "out.csv")
    assert list(written.columns) == ["user", "score"]
    np.testing.assert_allclose(written["score"], predictor.predict(frame[:2])["score"], rtol=1e-5)


def test_rows_to_try_an_export_with_have_the_columns_of_the_score(scored, scored_model, frame):
    rows = sample_rows(scored, scored_model.columns.raw_columns, frame)
    assert rows["unused"].tolist() == UNUSED.tolist()


def test_a_column_of_the_score_has_a_name_that_can_be_served(pipeline):
    odd = changed(
        pipeline,
        """data_config { input_fields { input_name: "odd name" input_type: FLOAT } }
        model_config { score { expression: "ctr * column('odd name')" } }""",
    )
    with pytest.raises(ExportError, match="Received: 'odd name'"):
        check_exportable(odd)
