import pytest

from tfmtl.config.text_form import parse_text


def problems(text):
    return [problem.text for problem in parse_text(text, "c.config").report.problems]


def warnings(text):
    return parse_text(text, "c.config").report.warnings


def test_every_way_to_write_a_value_is_read():
    text = """
    # A comment, then single quotes, an escape and UTF-8.
    model_dir: 'a' "b"
    data_config: { separator: '\\001' label_fields: ["x", 'é'] label_fields: "y" }
    model_config < embedding_regularization: 1e-5; mmoe { expert_dnn { hidden_units: [4, 3] } } >
    feature_configs: [ { input_names: "f" }, { input_names: "g", boundaries: 2 } ]
    """
    pipeline = parse_text(text, "c.config").message
    assert pipeline.model_dir == "ab"
    assert pipeline.data_config.separator == "\x01"
    assert list(pipeline.data_config.label_fields) == ["x", "é", "y"]
    assert list(pipeline.model_config.mmoe.expert_dnn.hidden_units) == [4, 3]
    assert [list(each.boundaries) for each in pipeline.feature_configs] == [[], [2.0]]


def test_all_problems_are_told_in_the_order_of_the_text():
    text = "train_config { num_stepz: 1 }\ndata_config {\n  batch_size: x\n  shufle: true\n}"
    assert [each.split(" ")[0:2] for each in problems(text)] == [
        ["c.config:1:16:", "`train_config.num_stepz`"],
        ["c.config:3:15:", "`data_config.batch_size`"],
        ["c.config:4:3:", "`data_config.shufle`"],
    ]


def test_what_is_not_known_does_not_keep_the_rest_from_being_read():
    text = "model_dir: 'a' unknown { model_dir: 'b' x: [1, 2] } eval_input_path: 'c'"
    pipeline = parse_text(text, "c.config").message
    assert (pipeline.model_dir, pipeline.eval_input_path) == ("a", "c")


def test_path_of_an_unknown_field_counts_the_messages_before_it():
    text = "feature_configs { } feature_configs: [ { }, { dim: 1 } ]"
    assert problems(text)[0].startswith("c.config:1:47: `feature_configs[2].dim` is not a field")


def test_word_that_is_no_number_is_told_from_within_a_list():
    assert problems("feature_configs { boundaries: [1, x, 3] }") == [
        "c.config:1:35: `feature_configs[0].boundaries` should be a number. Received: x."
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "data_config: 3",
            "c.config:1:14: `data_config` should be a message, { ... }. Received: 3.",
        ),
        ("model_dir", 'c.config:1:10: Expected ":".'),
        ("= 3", "c.config:1:1: Expected identifier or number, got =."),
        ("data_config {", "c.config:1:13: This bracket is never closed."),
        ("}", "c.config:1:1: Expected identifier or number, got }."),
    ],
)
def test_syntax_error_has_its_line_and_column(text, problem):
    parsed = parse_text(text, "c.config")
    assert [each.text for each in parsed.report.problems] == [problem]


def test_value_is_told_in_one_short_line():
    text = "data_config { batch_size {\n  value: '" + "x" * 80 + "'\n} }"
    (problem,) = problems(text)
    assert problem == (
        "c.config:1:26: `data_config.batch_size` should be a whole number from 0 to 4294967295. "
        f"Received: {{ value: '{'x' * 50}...."
    )


def test_number_too_large_is_told():
    assert problems("train_config { num_steps: 4294967296 }") == [
        "c.config:1:27: `train_config.num_steps` should be a whole number from 0 to 4294967295. "
        "Received: 4294967296."
    ]


def test_last_of_two_values_counts_and_is_told():
    text = "train_config { num_steps: 1\n num_steps: 2 }"
    assert parse_text(text, "c.config").message.train_config.num_steps == 2
    assert warnings(text) == [
        "c.config:2:2: `train_config.num_steps` is set 2 times; the last one counts."
    ]


def test_two_members_of_a_oneof_are_told():
    assert warnings("model_config { mmoe {} esmm {} }") == [
        "c.config:1:24: `model_config.model` is set 2 times; the last one, `esmm`, counts."
    ]


def test_messages_given_twice_are_merged_and_told():
    text = "data_config { batch_size: 1 } data_config { separator: ';' }"
    data = parse_text(text, "c.config").message.data_config
    assert (data.batch_size, data.separator) == (1, ";")
    assert warnings(text) == ["c.config:1:31: `data_config` is set 2 times; they are merged."]


def test_repeated_fields_may_stand_many_times():
    assert warnings("data_config { label_fields: 'a' label_fields: 'b' }") == []


def test_refused_field_gives_its_reason():
    assert problems("model_config { deepfm { dnn { hidden_units: 8 } } }") == [
        "c.config:1:16: `model_config.deepfm` is refused: it is not a multi-task model."
    ]


def test_refused_field_may_have_its_harmless_value():
    text = "data_config { pai_worker_queue: false selected_cols: '' }"
    assert problems(text) == []
    assert len(problems(text.replace("false", "true").replace("''", "'0,1'"))) == 2


def test_messages_with_problems_are_remembered():
    text = "x: 1 train_config { y: 2 } feature_configs { } feature_configs { embedding_dim: z }"
    assert parse_text(text, "c.config").damaged == {"", "train_config", "feature_configs[1]"}


def test_map_fields_are_read():
    text = """
    model_config { backbone { blocks { name: "b" keras_layer {
      class_name: "Dense"
      st_params { fields { key: "units" value { number_value: 4 } } }
    } } } }
    """
    parsed = parse_text(text, "c.config")
    assert parsed.report.problems == []
    (block,) = parsed.message.model_config.backbone.blocks
    assert block.keras_layer.st_params["units"] == 4
