import json
import logging

import pytest
from google.protobuf import json_format

from tests.helpers import GOOD_CONFIG
from tfmtl import config
from tfmtl.errors import ConfigError


def problems(text, **arguments):
    with pytest.raises(ConfigError) as caught:
        config.load_text(text, source="c.config", **arguments)
    return caught.value.problems


@pytest.mark.parametrize("extension", ["config", "pbtxt", "prototxt"])
def test_text_format_is_known_by_its_extension(tmp_path, good, extension):
    path = tmp_path / f"pipeline.{extension}"
    path.write_text(GOOD_CONFIG)
    assert config.load(path) == good


def test_json_is_known_by_its_extension(tmp_path, good):
    path = tmp_path / "pipeline.json"
    path.write_text(json_format.MessageToJson(good))
    assert config.load(str(path)) == good


def test_overrides_are_made_before_the_check():
    pipeline = config.load_text(
        GOOD_CONFIG.replace("num_steps: 20", ""), overrides={"train_config.num_steps": "4"}
    )
    assert pipeline.train_config.num_steps == 4


def test_problems_of_text_overrides_and_rules_are_told_together():
    text = GOOD_CONFIG.replace("batch_size: 6", "batch_size: 0 x: 1")
    found = problems(text + "\ny: 2", overrides={"z": 3, "train_config.num_steps": 0})
    assert [each.split("`")[1] for each in found] == [
        "data_config.x",
        "y",
        "z",
        "train_config.num_steps",
    ]


def test_field_that_could_not_be_read_is_not_missed_as_well():
    (problem,) = problems(GOOD_CONFIG.replace("num_expert: 3", "num_expert: three"))
    assert problem.startswith("c.config:52:17: `model_config.mmoe.num_expert` should be a whole")


def test_nothing_is_checked_of_a_text_that_ends_early():
    (problem,) = problems("model_dir: 'm' train_config { num_steps 3 }")
    assert problem == 'c.config:1:41: Expected ":".'


def test_all_problems_are_in_the_message_of_the_error():
    with pytest.raises(ConfigError, match=r"(?s)x.*\n.*y") as caught:
        config.load_text(GOOD_CONFIG + "x: 1 y: 2", source="c.config")
    assert caught.value.source == "c.config"


def test_paths_that_are_not_needed_may_be_missing():
    text = GOOD_CONFIG.replace('train_input_path: "train.csv"\n', "").replace(
        'model_dir: "model"\n', ""
    )
    assert config.load_text(text, needs=())
    assert problems(text, needs=["model_dir"]) == [
        "`model_dir` should name the directory to write to. Received: nothing."
    ]
    assert len(problems(text)) == 2


def test_evaluation_needs_its_own_path():
    text = GOOD_CONFIG.replace('eval_input_path: "test.csv"\n', "")
    assert config.load_text(text)
    assert problems(text, needs=config.TO_EVALUATE) == [
        "`eval_input_path` should name the files to evaluate on. Received: nothing."
    ]


def test_ignored_fields_are_logged_once_each(caplog):
    text = GOOD_CONFIG.replace(
        "num_steps: 20", 'num_steps: 20 sync_replicas: false protocol: "star_server"'
    )
    with caplog.at_level(logging.INFO, logger="tfmtl"):
        config.load_text(text)
    assert caplog.messages == [
        "`train_config.sync_replicas` is accepted and ignored: there are no parameter servers.",
        "`train_config.protocol` is accepted and ignored: it belongs to Alibaba's PAI.",
    ]


def test_harmless_values_are_not_even_told(caplog):
    changes = {
        "train_config {": "train_config { sync_replicas: true train_distribute: NoStrategy",
        "optimizer_config {": "optimizer_config { use_moving_average: false",
        "data_config {": "data_config { drop_remainder: false input_type: CSVInput",
        "export_config {": "export_config { auto_multi_value: false",
        "model_config {": "model_config { loss_weight_strategy: Fixed",
    }
    text = GOOD_CONFIG
    for old, new in changes.items():
        text = text.replace(old, new, 1)
    with caplog.at_level(logging.INFO, logger="tfmtl"):
        config.load_text(text)
    assert caplog.messages == []


def test_what_has_no_effect_on_parquet_files_is_told(caplog):
    data = "data_config { input_type: ParquetInputV2"
    config.load_text(GOOD_CONFIG.replace("data_config {", data, 1))
    assert caplog.messages == ["`data_config.with_header` has no effect on Parquet files."]


def test_field_that_is_not_read_by_its_kind_of_feature_is_told(caplog):
    text = GOOD_CONFIG.replace("min_val: 0", "min_val: 0 expression: 'x'")
    config.load_text(text.replace("hash_bucket_size: 11", "hash_bucket_size: 11 min_val: 1"))
    assert caplog.messages == [
        "`feature_config.features[0].min_val` (feature `user_id`) has no effect on an IdFeature.",
        "`feature_config.features[4].expression` (feature `price`) has no effect on a RawFeature.",
    ]


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        ("hash_bucket_size: 11", "hash_bucket_size: 11 combiner: 'mean'", "[0].combiner"),
        ("hash_bucket_size: 11", "hash_bucket_size: 11 separator: ';'", "[0].separator"),
        ("hash_bucket_size: 11", "hash_bucket_size: 11 num_buckets: 9", "[0].num_buckets"),
        ("min_val: 0", "min_val: 0 embedding_name: 'x'", "[4].embedding_name"),
        ("min_val: 0", "min_val: 0 initializer {}", "[4].initializer"),
    ],
)
def test_options_without_effect_are_told(caplog, old, new, warning):
    config.load_text(GOOD_CONFIG.replace(old, new, 1))
    (message,) = caplog.messages
    assert message.startswith(f"`feature_config.features{warning}` ")
    assert "has no effect" in message or "is not read" in message


def test_layers_of_experts_that_there_are_none_of_are_told(caplog):
    first, last = GOOD_CONFIG.index("  mmoe {"), GOOD_CONFIG.index("  embedding_regularization")
    ple = """
    ple {
      extraction_networks {
        share_num: 2 task_expert_net { hidden_units: 4 } share_expert_net { hidden_units: 3 }
      }
      task_towers { tower_name: "ctr" }
    }
    """
    text = GOOD_CONFIG[:first] + ple + GOOD_CONFIG[last:]
    config.load_text(text.replace('model_class: "MMoE"', 'model_class: "PLE"'))
    assert caplog.messages == [
        "`model_config.ple.extraction_networks[0].task_expert_net` is not read, because"
        " `expert_num_per_task` is 0."
    ]


def test_a_warm_up_of_no_steps_may_have_any_rate():
    rate = "cosine_decay_learning_rate { learning_rate_base: 1e-5 warmup_steps: 0 }"
    constant = "constant_learning_rate { learning_rate: 0.01 }"
    config.load_text(GOOD_CONFIG.replace(constant, rate))


def test_bare_metric_means_the_first_task_and_is_told(caplog):
    text = GOOD_CONFIG.replace('exporter_type: "final"', 'exporter_type: "best"')
    config.load_text(text)
    assert caplog.messages == [
        "`export_config.best_exporter_metric` names no task; `auc` is taken for `auc_ctr`."
    ]


@pytest.mark.parametrize(("bigger", "is_told"), [("", True), ("metric_bigger: false", False)])
def test_best_metric_without_a_direction_is_told(caplog, bigger, is_told):
    text = GOOD_CONFIG.replace("metrics_set { auc {} }", "metrics_set { mean_label {} }")
    best = f'best_exporter_metric: "mean_label_ctr" {bigger}'
    config.load_text(text.replace('exporter_type: "final"', best))
    told = (
        "`export_config.best_exporter_metric` is better neither way; more of `mean_label_ctr` is "
        "taken for better."
    )
    assert caplog.messages == ([told] if is_told else [])


@pytest.mark.parametrize(("topk", "is_told"), [(2, False), (3, True)])
def test_so_many_classes_that_all_are_among_them_are_told(caplog, topk, is_told):
    metric = f'tower_name: "cvr" num_class: 3 metrics_set {{ recall_at_topk {{ topk: {topk} }} }}'
    text = GOOD_CONFIG.replace("dnn { hidden_units: 6 } metrics_set { auc {} }", "")
    config.load_text(text.replace('tower_name: "cvr"', metric))
    told = (
        "`model_config.mmoe.task_towers[1].metrics_set[0].recall_at_topk.topk` (tower `cvr`) takes "
        "in all 3 classes, so it is 1."
    )
    assert caplog.messages == ([told] if is_told else [])


def test_sample_space_without_effect_is_told(caplog):
    space = 'tower_name: "cvr" task_space_indicator_label: "click"'
    config.load_text(GOOD_CONFIG.replace('tower_name: "cvr"', f"{space} out_task_space_weight: 0"))
    assert caplog.messages == []
    config.load_text(GOOD_CONFIG.replace('tower_name: "cvr"', space))
    assert caplog.messages == [
        "`model_config.mmoe.task_towers[1]` (tower `cvr`) weighs rows in and out of its space "
        "alike."
    ]


def test_group_that_nothing_reads_is_told(caplog):
    group = 'feature_groups { group_name: "other" feature_names: "city" } mmoe {'
    config.load_text(GOOD_CONFIG.replace("mmoe {", group))
    assert caplog.messages == [
        "`model_config.feature_groups[1]` (group `other`) is read by nothing."
    ]


def test_number_of_experts_without_layers_is_told(caplog):
    start, end = GOOD_CONFIG.index("  mmoe {"), GOOD_CONFIG.index("  embedding_regularization")
    tower = 'task_towers { tower_name: "ctr" label_name: "click" }'
    text = f"{GOOD_CONFIG[:start]} dbmtl {{ num_expert: 2 {tower} }} {GOOD_CONFIG[end:]}"
    config.load_text(text.replace('model_class: "MMoE"', ""))
    assert caplog.messages == [
        "`model_config.dbmtl.num_expert` is not read, because there is no `expert_dnn`."
    ]


def test_a_space_that_an_event_of_a_funnel_has_from_its_tower_is_told(caplog):
    click = 'outcomes { event_name: "click" tower_name: "ctr" }'
    order = 'outcomes { event_name: "order" tower_name: "cvr" }'
    funnel = f"""
      funnel {{ steps {{ from_event: "view" {click} }} steps {{ from_event: "click" {order} }} }}
      embedding_regularization"""
    space = 'label_name: "buy" task_space_indicator_label: "click" out_task_space_weight: 0'
    text = GOOD_CONFIG.replace("embedding_regularization", funnel, 1)
    config.load_text(text)
    assert caplog.messages == []
    config.load_text(text.replace('label_name: "buy"', space))
    assert caplog.messages == [
        "`model_config.mmoe.task_towers[1]` (tower `cvr`) weighs the rows of event `order`, too, "
        "which else are all rows alike."
    ]


def test_old_spelling_of_the_features_is_told_in_its_own_words():
    start, end = GOOD_CONFIG.index("feature_config {"), GOOD_CONFIG.index("model_config {")
    body = GOOD_CONFIG[start + len("feature_config {") : GOOD_CONFIG.rindex("}", start, end)]
    old = GOOD_CONFIG[:start] + body.replace("features {", "feature_configs {") + GOOD_CONFIG[end:]
    assert config.load_text(old)
    (problem,) = problems(old.replace("embedding_dim: 3", ""))
    assert problem.startswith("`feature_configs[2].embedding_dim` (feature `city`) should be")


def test_problem_of_a_valid_message_is_told_by_validate(good):
    good.model_config.mmoe.num_expert = 0
    good.model_config.mmoe.task_towers[0].loss_type = 13
    assert config.validate(good) == [
        "`model_config.mmoe.num_expert` should be at least 1. Received: 0.",
        "`model_config.mmoe.task_towers[0].num_class` (tower `ctr`) should be 2, because "
        "`loss_type` is JRC_LOSS. Received: 1.",
    ]


def test_json_problems_are_told_with_the_file(tmp_path):
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"fg_json_path": "x"}))
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert caught.value.problems[0].startswith(f"{path}: `fg_json_path` is refused: ")
