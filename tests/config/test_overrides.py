import pytest

from tfmtl import config
from tfmtl.protos import feature_pb2


def overridden(good, path, value):
    assert config.override(good, {path: value}) == []
    return good


def problem(good, path, value):
    before = good.SerializeToString()
    (sentence,) = config.override(good, {path: value})
    assert good.SerializeToString() == before
    return sentence


@pytest.mark.parametrize("value", [50, "50", 50.0, "5e1"])
def test_number_may_be_given_as_text(good, value):
    overridden(good, "train_config.num_steps", value)
    assert good.train_config.num_steps == 50


@pytest.mark.parametrize("value", [False, "false", "False"])
def test_boolean_may_be_given_as_text(good, value):
    overridden(good, "data_config.shuffle", value)
    assert good.data_config.HasField("shuffle") and not good.data_config.shuffle


def test_enum_is_given_by_name(good):
    overridden(good, "feature_config.features[0].feature_type", "TagFeature")
    assert good.feature_config.features[0].feature_type == feature_pb2.FeatureConfig.TagFeature


def test_text_is_taken_as_it_is_and_in_quotes_with_its_escapes(good):
    assert overridden(good, "model_dir", "a b; c").model_dir == "a b; c"
    assert overridden(good, "data_config.separator", r"'\001'").data_config.separator == "\x01"
    assert overridden(good, "data_config.separator", r"\t").data_config.separator == r"\t"


@pytest.mark.parametrize("value", [[4, 3], "[4, 3]", "[4,3]"])
def test_list_takes_the_place_of_a_list(good, value):
    overridden(good, "model_config.mmoe.expert_dnn.hidden_units", value)
    assert list(good.model_config.mmoe.expert_dnn.hidden_units) == [4, 3]


def test_list_of_text_is_read_with_and_without_quotes(good):
    overridden(good, "data_config.label_fields", "[a, 'b, c']")
    assert list(good.data_config.label_fields) == ["a", "b, c"]


def test_single_value_is_a_list_of_one(good):
    overridden(good, "data_config.label_fields", "buy")
    assert list(good.data_config.label_fields) == ["buy"]


def test_message_takes_the_place_of_a_message(good):
    overridden(good, "model_config.mmoe.expert_dnn", "{ hidden_units: 9 use_bn: false }")
    dnn = good.model_config.mmoe.expert_dnn
    assert (list(dnn.hidden_units), dnn.use_bn) == ([9], False)


def test_message_may_be_an_object(good):
    overridden(good, "export_config", {"exporter_type": "best", "exportsToKeep": 3})
    assert (good.export_config.exporter_type, good.export_config.exports_to_keep) == ("best", 3)


def test_empty_message_is_there(good):
    overridden(good, "model_config.mmoe.task_towers[0].metrics_set[0].accuracy", "{}")
    (metric,) = good.model_config.mmoe.task_towers[0].metrics_set
    assert metric.WhichOneof("metric") == "accuracy"


def test_list_of_messages_is_read(good):
    rate = "{ learning_rate { constant_learning_rate {} } }"
    value = f"[{{ adagrad_optimizer {rate} }}, {{ sgd_optimizer {rate} }}]"
    overridden(good, "train_config.optimizer_config", value)
    kinds = [each.WhichOneof("optimizer") for each in good.train_config.optimizer_config]
    assert kinds == ["adagrad_optimizer", "sgd_optimizer"]


def test_field_of_a_message_that_is_not_there_makes_it(good):
    overridden(good, "eval_config.num_examples", 7)
    assert good.eval_config.num_examples == 7


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("0", [0]),
        ("-1", [5]),
        (":", [0, 1, 2, 3, 4, 5]),
        ("1:-2", [1, 2, 3]),
        (":2", [0, 1]),
        ("input_names[0]=tags", [3]),
        ("input_names=tags", [3]),
        ("input_names[0] = 'tags'", [3]),
        ("feature_type=RawFeature", [4, 5]),
        ("embedding_dim>=4", [0, 1, 3]),
        ("embedding_dim>4", []),
        ("embedding_dim<3", [4, 5]),
        ("embedding_dim<=3", [2, 4, 5]),
    ],
)
def test_selector_chooses_among_a_list(good, selector, chosen):
    config.override(good, {f"feature_config.features[{selector}].max_partitions": 9})
    changed = [each.max_partitions == 9 for each in good.feature_config.features]
    assert [index for index, each in enumerate(changed) if each] == chosen


def test_value_of_a_list_is_chosen_by_its_place(good):
    overridden(good, "feature_config.features[input_names=age].boundaries[-1]", 70)
    assert list(good.feature_config.features[5].boundaries) == [18, 30, 70]


def test_message_of_a_list_is_chosen_by_its_place(good):
    overridden(good, "feature_config.features[1]", "{ input_names: 'city' }")
    assert len(good.feature_config.features) == 6
    assert not good.feature_config.features[1].HasField("hash_bucket_size")


def test_features_are_found_in_either_spelling_of_their_list(good):
    overridden(good, "feature_configs[input_names[0]=user_id].embedding_dim", 7)
    assert good.feature_config.features[0].embedding_dim == 7
    good.feature_configs.extend(good.feature_config.features)
    good.ClearField("feature_config")
    overridden(good, "feature_config.features[0].embedding_dim", 5)
    assert good.feature_configs[0].embedding_dim == 5


def test_several_overrides_stand_in_one(good):
    overridden(good, "train_config.num_steps;data_config.batch_size", "7;8")
    assert (good.train_config.num_steps, good.data_config.batch_size) == (7, 8)


def test_overrides_are_made_in_their_order(good):
    assert config.override(good, [("model_dir", "a"), ("model_dir", "b")]) == []
    assert good.model_dir == "b"


def test_one_that_cannot_be_made_does_not_keep_back_the_others(good):
    problems = config.override(good, {"a": 1, "model_dir": "b", "c.d": 2})
    assert len(problems) == 2
    assert good.model_dir == "b"


FEATURES = "feature_config.features"


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (
            "data_config.shufle",
            1,
            "override: `data_config.shufle` is not a field of DatasetConfig. Did you mean "
            "`shuffle`? Known: batch_size, auto_expand_input_fields, label_fields, label_dim, "
            "shuffle, shuffle_buffer_size, num_epochs, prefetch_size, input_type, separator, "
            "num_parallel_calls, input_fields, sample_weight, data_compression_type, with_header, "
            "eval_batch_size, drop_remainder, bad_rows, oversampling, undersampling, "
            "rejection_sampling.",
        ),
        (
            "train_config.num_steps",
            "many",
            "override: `train_config.num_steps` should be a whole number from 0 to 4294967295. "
            'Received: "many".',
        ),
        (
            "train_config.num_steps",
            2**32,
            "override: `train_config.num_steps` should be a whole number from 0 to 4294967295. "
            "Received: 4294967296.",
        ),
        (
            "data_config.shuffle",
            "yes",
            'override: `data_config.shuffle` should be true or false. Received: "yes".',
        ),
        (
            f"{FEATURES}[0].feature_type",
            "TagsFeature",
            f"override: `{FEATURES}[0].feature_type` should be IdFeature, RawFeature, "
            "TagFeature, ComboFeature, LookupFeature, SequenceFeature, ExprFeature or "
            "PassThroughFeature. "
            'Received: "TagsFeature". Did you mean `TagFeature`?',
        ),
        (
            f"{FEATURES}[6].embedding_dim",
            4,
            f"override: `features[6]` chooses nothing: `{FEATURES}` has 6 values.",
        ),
        (
            f"{FEATURES}[input_names=town].embedding_dim",
            4,
            f"override: `features[input_names=town]` chooses nothing: `{FEATURES}` has 6 values.",
        ),
        (
            f"{FEATURES}.embedding_dim",
            4,
            f"override: `{FEATURES}` is a list. Choose in it, as in `features[0]`, `features[:]`.",
        ),
        (
            "train_config[0].num_steps",
            4,
            "override: `train_config` is not a list, so `train_config[0]` has no meaning.",
        ),
        ("model_dir.name", 4, "override: `model_dir` has no fields."),
        (
            "train_config.num_steps;model_dir",
            "4",
            "override: `train_config.num_steps;model_dir` should have as many values as paths, 2. "
            'Received: "4".',
        ),
        (
            "num steps",
            4,
            "override: `num steps` is not a path: 'num steps' should be a field, or a field with a "
            "selector in brackets.",
        ),
        (
            f"{FEATURES}[first].embedding_dim",
            4,
            f"override: `{FEATURES}[first].embedding_dim` is not a path: [first] should be a "
            "place, a slice or a comparison.",
        ),
        (
            "model_config.mmoe.expert_dnn",
            "{ units: 4 }",
            "override: `model_config.mmoe.expert_dnn` cannot be read: 1:2 : Message type "
            '"tfmtl.DNN" has no field named "units".',
        ),
    ],
)
def test_override_that_cannot_be_made_is_told(good, path, value, sentence):
    assert problem(good, path, value) == sentence
