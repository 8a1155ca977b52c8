import pytest
from google.protobuf import text_format

from tfmtl import config
from tfmtl.config import views
from tfmtl.protos import feature_pb2, model_pb2, pipeline_pb2

OLD_SPELLING = "feature_configs { input_names: 'a' }"
NEW_SPELLING = "feature_config { features { input_names: 'a' } }"
TOWERS = "task_towers { tower_name: 's' } task_towers { tower_name: 't' label_name: 'z' }"


def parsed(text):
    return text_format.Parse(text, pipeline_pb2.Pipeline())


def with_model(model, labels):
    return parsed(f"data_config {{ label_fields: {labels} }} model_config {{ {model} }}")


def test_target_columns_are_those_of_labels_weight_and_propensity():
    data = parsed(
        "data_config { label_fields: ['click', 'buy'] sample_weight: 'w' "
        "rejection_sampling { label_name: 'click' propensity_name: 'pctr' } }"
    ).data_config
    assert config.target_columns(data) == ["click", "buy", "w", "pctr"]
    assert config.target_columns(parsed("").data_config) == []


@pytest.mark.parametrize("text", [OLD_SPELLING, NEW_SPELLING])
def test_features_are_read_in_both_spellings(text):
    (feature,) = config.features(parsed(text))
    assert config.feature_name(feature) == "a"


def test_old_spelling_counts_when_both_are_there():
    text = "feature_config { features { input_names: 'a' } } feature_configs { input_names: 'b' }"
    assert [config.feature_name(each) for each in config.features(parsed(text))] == ["b"]


def test_shared_names_are_features_of_their_own():
    text = """
    feature_configs {
      input_names: 'a' feature_name: 'z' shared_names: ['b', 'c'] hash_bucket_size: 7
    }
    feature_configs { input_names: 'd' }
    """
    placed = views.placed_features(parsed(text))
    assert [config.feature_name(each.feature) for each in placed] == ["z", "b", "c", "d"]
    assert [list(each.feature.input_names) for each in placed] == [["a"], ["b"], ["c"], ["d"]]
    assert [each.feature.hash_bucket_size for each in placed] == [7, 7, 7, 0]
    assert not any(each.feature.shared_names for each in placed)
    assert [each.path for each in placed] == ["feature_configs[0]"] * 3 + ["feature_configs[1]"]
    assert [each.column_paths for each in placed] == [
        ["feature_configs[0].input_names[0]"],
        ["feature_configs[0].shared_names[0]"],
        ["feature_configs[0].shared_names[1]"],
        ["feature_configs[1].input_names[0]"],
    ]


def test_feature_without_any_name_has_an_empty_one():
    assert config.feature_name(feature_pb2.FeatureConfig()) == ""


def test_ranges_in_a_group_are_written_out():
    group = feature_pb2.FeatureGroupConfig(feature_names=["a", "f[9-11]", "b[1]", "c-[0-0]"])
    assert config.group_features(group) == ["a", "f9", "f10", "f11", "b[1]", "c-0"]


@pytest.mark.parametrize("name", ["mmoe", "simple_multi_task", "shared_bottom", "ple", "dbmtl"])
def test_towers_of_every_architecture_are_found(name):
    pipeline = with_model(f"{name} {{ {TOWERS} }}", ["x", "y"])
    path = f"model_config.{name}.task_towers"
    assert [each.path for each in views.placed_towers(pipeline)] == [f"{path}[0]", f"{path}[1]"]
    assert [each.label_name for each in config.towers(pipeline)] == ["x", "z"]
    assert config.architecture(pipeline) == name


def test_every_architecture_has_towers():
    for name in views.architectures():
        message = model_pb2.Model.DESCRIPTOR.fields_by_name[name].message_type
        kinds = [field.message_type.name for field in message.fields if field.message_type]
        assert {"TaskTower", "BayesTaskTower"} & set(kinds), name


def test_labels_of_esmm_are_those_of_conversion_and_click():
    towers = "cvr_tower { tower_name: 'v' } ctr_tower { tower_name: 'r' }"
    click, buy = views.placed_towers(with_model(f"esmm {{ {towers} }}", ["buy", "click"]))
    assert (click.path, click.tower.label_name) == ("model_config.esmm.ctr_tower", "click")
    assert (buy.path, buy.tower.label_name) == ("model_config.esmm.cvr_tower", "buy")


def test_towers_are_copies():
    pipeline = with_model(f"mmoe {{ {TOWERS} }}", ["x", "y"])
    config.towers(pipeline)[0].weight = 9
    assert not pipeline.model_config.mmoe.task_towers[0].HasField("label_name")
    assert pipeline.model_config.mmoe.task_towers[0].weight == 1


def test_config_without_an_architecture_has_no_towers():
    assert config.architecture(pipeline_pb2.Pipeline()) == ""
    assert config.towers(pipeline_pb2.Pipeline()) == []


@pytest.mark.parametrize(
    ("name", "column"), [("city", "city"), ("town", "city"), ("village", ""), ("", "")]
)
def test_a_column_is_meant_by_its_name_or_by_that_of_its_feature(good, name, column):
    good.feature_config.features[2].feature_name = "town"
    assert config.column_of(name, good) == column


def test_slices_are_by_one_column_or_by_several(good):
    good.feature_config.features[2].feature_name = "town"
    good.data_config.input_fields.add(input_name="a*b")
    assert config.slice_columns("town*age", good) == ["city", "age"]
    assert config.slice_columns("a*b", good) == ["a*b"]
    assert config.slice_columns("town*year", good) == ["city", ""]
