"""Every form of request is answered as `serving_default` answers the same rows."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from small_model import PIPELINE, build_model

from tfmtl import config
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.serving.signatures import build_servable
from tfmtl.serving.trial_requests import request_of
from tfmtl.tasks import build_score

SIDES = {"user": "USER", "tags": "CONTEXT", "history": "USER"}
SEQUENCE = """
data_config { input_fields { input_name: "history" } }
feature_configs {
  input_names: "history" feature_type: SequenceFeature vocab_file: "%s"
  embedding_dim: 3 embedding_name: "city"
}
feature_configs {
  feature_name: "pair" input_names: "user" input_names: "city" feature_type: ComboFeature
  hash_bucket_size: 17 embedding_dim: 3
}
model_config {
  feature_groups {
    group_name: "sparse" feature_names: "user" feature_names: "city" feature_names: "pair"
  }
  score {
    expression: "ctr * a + price"
    weights { name: "a" default_value: 0.5 }
  }
}
"""
ROWS = {
    "user": [b"u1", b"u2", b""],
    "city": [b"rome", b"oslo", b"nowhere"],
    "level": [0, 6, 99],
    "tags": [b"a|b", b"", b"c"],
    "price": [0.5, 2.5, 10.0],
    "vector": [b"0.5|1", b"3|4", b""],
    "history": [b"oslo|lima|rome", b"", b"rome"],
}
DTYPES = {"level": np.int32, "price": np.float32}


@dataclasses.dataclass
class Asked:
    servable: object

    def __call__(self, signature, request):
        tensors = {name: tf.constant(column) for name, column in request.items()}
        answers = self.servable.signatures[signature](tensors)
        return {name: answer.numpy() for name, answer in answers.items()}


@pytest.fixture(scope="module")
def sided(vocabulary):
    """A model with attention, a deep and a wide part, experts, and a score."""
    pipeline = text_format.Parse(PIPELINE % vocabulary, Pipeline())
    text_format.Merge(SEQUENCE % vocabulary, pipeline)
    for feature in pipeline.feature_configs:
        if feature.input_names[0] == "city":
            feature.embedding_name = "city"
        if len(feature.input_names) == 1 and feature.input_names[0] in SIDES:
            feature.side = feature.Side.Value(SIDES[feature.input_names[0]])
    attention = pipeline.model_config.feature_groups[0].sequence_features.add(group_name="seen")
    attention.seq_att_map.add(key=["city"], hist_seq=["history"])
    tower = pipeline.model_config.mmoe.task_towers[0]
    for kind in ("wide", "fm"):
        getattr(tower.dnn.interactions.add(), kind).group_name = "sparse"
    tower.dnn.interactions.add().dcn.num_layers = 2
    return pipeline


@pytest.fixture(scope="module")
def servable(sided):
    model = build_model(sided)
    return build_servable(
        model.columns,
        model.network,
        model.tasks,
        score=build_score(sided),
        user_columns=config.user_columns(sided),
    )


@pytest.fixture(scope="module")
def ask(servable):
    return Asked(servable)


@pytest.fixture(scope="module")
def rows():
    return {name: np.array(values, DTYPES.get(name, object)) for name, values in ROWS.items()}


@pytest.fixture(scope="module")
def answers(ask, rows):
    return ask("serving_default", rows)


def as_examples(servable, rows):
    return request_of("examples", servable.inputs["examples"], rows, candidates=1)


def of_candidates(rows, items):
    """The rows as users, each with all rows' candidates."""
    return {
        name: column if name in SIDES else np.stack([np.roll(column, -i) for i in range(items)], 1)
        for name, column in rows.items()
    }


def test_there_is_a_signature_for_every_form(servable):
    assert sorted(servable.signatures) == [
        "classify",
        "examples",
        "rank",
        "rank_with_weights",
        "regress",
        "serving_default",
        "with_weights",
    ]


def test_rank_takes_columns_of_users_once(servable):
    shapes = {name: spec.shape.rank for name, spec in servable.inputs["rank"].items()}
    assert shapes == {name: 1 if name in SIDES else 2 for name in ROWS}


@pytest.mark.parametrize("items", [1, 2, 5])
def test_rank_answers_as_rows_with_the_user_repeated(ask, rows, items):
    request = of_candidates(rows, items)
    ranked = ask("rank", request)
    tiled = {
        name: column.reshape(-1) if column.ndim == 2 else np.repeat(column, items)
        for name, column in request.items()
    }
    for name, expected in ask("serving_default", tiled).items():
        assert ranked[name].shape == (3, items, *expected.shape[1:]), name
        received = ranked[name].reshape(expected.shape)
        np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-6, err_msg=name)


def test_ranks_of_a_user_do_not_depend_on_other_users_or_candidates(ask, rows):
    request = of_candidates(rows, 4)
    together = ask("rank", request)
    alone = ask(
        "rank",
        {name: each[1:2, :2] if each.ndim == 2 else each[1:2] for name, each in request.items()},
    )
    for name, answer in alone.items():
        np.testing.assert_allclose(answer, together[name][1:2, :2], rtol=1e-5, err_msg=name)


def test_rank_takes_weights_of_the_score_for_each_user(ask, rows):
    weights = np.array([2.0, np.nan, 0.0], np.float32)
    request = of_candidates(rows, 2)
    ranked = ask("rank_with_weights", {**request, "weight_a": weights})
    a = np.array([2.0, 0.5, 0.0])[:, np.newaxis]
    expected = ranked["probs_ctr"] * a + request["price"]
    np.testing.assert_allclose(ranked["score"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("signature", "column"), [("rank", "user"), ("rank", "price"), ("serving_default", "price")]
)
def test_a_column_of_one_row_does_not_do_for_all(ask, rows, signature, column):
    request = of_candidates(rows, 2) if signature == "rank" else rows
    with pytest.raises(tf.errors.InvalidArgumentError, match="As many rows should come in all of"):
        ask(signature, {**request, column: request[column][:1]})


def test_one_weight_of_the_score_does_for_all_rows(ask, rows):
    served = ask("with_weights", {**rows, "weight_a": np.array([2.0], np.float32)})
    np.testing.assert_allclose(served["score"], 2 * served["probs_ctr"] + rows["price"], rtol=1e-5)


def test_examples_are_answered_as_their_columns(servable, ask, rows, answers):
    served = ask("examples", as_examples(servable, rows))
    assert served.keys() == answers.keys()
    for name, expected in answers.items():
        np.testing.assert_allclose(served[name], expected, rtol=1e-6, err_msg=name)


def test_what_an_example_lacks_is_an_empty_cell(ask):
    empty = {
        "user": [b""],
        "city": [b""],
        "level": [3],  # The column's default.
        "tags": [b""],
        "price": [2.5],
        "vector": [b""],
        "history": [b""],
    }
    columns = {name: np.array(cell, DTYPES.get(name, object)) for name, cell in empty.items()}
    served = ask("examples", {"inputs": np.array([b""], object)})
    for name, expected in ask("serving_default", columns).items():
        np.testing.assert_allclose(served[name], expected, rtol=1e-6, err_msg=name)


def test_classify_has_the_events_and_their_probabilities(servable, ask, rows, answers):
    served = ask("classify", as_examples(servable, rows))
    assert served["classes"].tolist() == [[b"ctr"]] * 3
    np.testing.assert_allclose(served["scores"][:, 0], answers["probs_ctr"], rtol=1e-6)


def test_regress_has_the_score(servable, ask, rows, answers):
    served = ask("regress", as_examples(servable, rows))
    np.testing.assert_allclose(served["outputs"], answers["score"], rtol=1e-6)


def test_without_a_score_regress_has_the_first_number(model, rows):
    servable = build_servable(model.columns, model.network, model.tasks)
    plain = {name: column for name, column in rows.items() if name != "history"}
    expected = Asked(servable)("serving_default", plain)["probs_ctr"]
    received = Asked(servable)("regress", as_examples(servable, plain))["outputs"]
    np.testing.assert_allclose(received, expected, rtol=1e-6)


def test_without_sides_there_is_no_rank(model):
    servable = build_servable(model.columns, model.network, model.tasks)
    assert sorted(servable.signatures) == ["classify", "examples", "regress", "serving_default"]
