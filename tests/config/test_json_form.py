import json

import pytest
from google.protobuf import json_format

from tfmtl.config.json_form import parse_json


def problems(data):
    text = data if isinstance(data, str) else json.dumps(data)
    return [problem.text for problem in parse_json(text, "c.json").report.problems]


def test_good_config_is_the_same_in_json(good):
    for keep in (True, False):
        text = json_format.MessageToJson(good, preserving_proto_field_name=keep)
        assert parse_json(text, "c.json").message == good


def test_both_spellings_of_a_field_are_read():
    data = {"dataConfig": {"batchSize": 4}, "data_config": None, "model_dir": "m"}
    pipeline = parse_json(json.dumps(data), "c.json").message
    assert (pipeline.data_config.batch_size, pipeline.model_dir) == (4, "m")


def test_all_problems_are_told_with_their_paths():
    data = {
        "dataConfig": {"batchSize": "x", "labelFields": ["a", 3]},
        "feature_configs": [{}, {"embeding_dim": 4}],
        "modelConfig": {"deepfm": {}},
    }
    first, second, third, fourth = problems(data)
    assert first == (
        "c.json: `data_config.batch_size` should be a whole number from 0 to 4294967295. "
        'Received: "x".'
    )
    assert second == "c.json: `data_config.label_fields[1]` should be text in quotes. Received: 3."
    assert third.startswith(
        "c.json: `feature_configs[1].embeding_dim` is not a field of FeatureConfig. "
        "Did you mean `embedding_dim`? Known: "
    )
    assert fourth == "c.json: `model_config.deepfm` is refused: it is not a multi-task model."


def test_what_is_not_known_does_not_keep_the_rest_from_being_read():
    data = {"model_dir": "m", "x": 1, "data_config": {"batch_size": [], "label_fields": [1, "a"]}}
    pipeline = parse_json(json.dumps(data), "c.json").message
    assert pipeline.model_dir == "m"
    assert list(pipeline.data_config.label_fields) == ["a"]


def test_syntax_error_has_its_line_and_column():
    assert problems('{\n "model_dir": }') == ["c.json:2:15: Expecting value."]


def test_list_is_not_a_config():
    assert problems([1, 2]) == ["c.json: A config should be a JSON object. Received: [1, 2]."]


def test_refused_field_may_have_its_harmless_value():
    data = {"modelConfig": {"featureGroups": [{"negativeSampler": False}]}}
    assert problems(data) == []


@pytest.mark.parametrize("value", ["JRC_LOS", 99])
def test_unknown_value_of_an_enum_is_told(value):
    data = {"model_config": {"mmoe": {"task_towers": [{"loss_type": value}]}}}
    (problem,) = problems(data)
    assert problem.startswith(
        "c.json: `model_config.mmoe.task_towers[0].loss_type` should be CLASSIFICATION, L2_LOSS, "
    )
    assert f" or ORDINAL_LOSS. Received: {json.dumps(value)}." in problem


def test_struct_keeps_its_own_json():
    layer = {"class_name": "Dense", "st_params": {"units": 4, "any": {"name": [1, True]}}}
    data = {"model_config": {"backbone": {"blocks": [{"name": "b", "keras_layer": layer}]}}}
    parsed = parse_json(json.dumps(data), "c.json")
    assert parsed.report.problems == []
    assert parsed.message.model_config.backbone.blocks[0].keras_layer.st_params["units"] == 4


def test_of_a_field_that_is_given_twice_the_last_counts_which_is_told():
    text = '{"data_config": {"batch_size": 3, "batchSize": 4}, "model_dir": "a", "model_dir": "b"}'
    parsed = parse_json(text, "c.json")
    assert (parsed.message.data_config.batch_size, parsed.message.model_dir) == (4, "b")
    assert parsed.report.problems == []
    assert parsed.report.warnings == [
        "c.json: `model_dir` is set 2 times; the last one counts.",
        "c.json: `data_config.batch_size` is set 2 times; the last one counts.",
    ]


def test_of_two_members_of_a_oneof_the_last_counts():
    data = {"model_config": {"esmm": {}, "mmoe": {"num_expert": 3}}}
    parsed = parse_json(json.dumps(data), "c.json")
    assert parsed.message.model_config.WhichOneof("model") == "mmoe"
    assert parsed.report.problems == []
    assert parsed.report.warnings == [
        "c.json: `model_config.model` is set 2 times; the last one, `mmoe`, counts."
    ]
