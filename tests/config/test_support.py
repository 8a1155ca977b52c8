import pytest
from google.protobuf import text_format

from tfmtl.config.problems import Report
from tfmtl.config.support import built_fields, built_values, check_support
from tfmtl.protos import loss_pb2, model_pb2, pipeline_pb2


def checked(text):
    report = Report()
    check_support(text_format.Parse(text, pipeline_pb2.Pipeline()), report)
    return [problem.text for problem in report.problems], report.warnings


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "model_config { model_params { outputs: 'a' } }",
            "`model_config.model_params.outputs` is refused: name the block's layer, "
            "`block/<name>`, in `export_config.embedding_outputs`, which serves its vector.",
        ),
        (
            "data_config { ignore_error: true }",
            "`data_config.ignore_error` is refused: write `bad_rows: SKIP`, which leaves out the "
            "same rows and counts them.",
        ),
        (
            "train_config { optimizer_config {} optimizer_config { use_moving_average: true } }",
            "`train_config.optimizer_config[1].use_moving_average` is refused: TensorFlow 2 has no "
            "such optimizer.",
        ),
        (
            "data_config { input_type: KafkaInput }",
            "`data_config.input_type` should be CSVInput, CSVInputV2, CSVInputEx, "
            "TFRecordInput, DummyInput or ParquetInputV2. Received: KafkaInput, which is refused: "
            "streams are not read.",
        ),
        (
            "model_config { feature_groups { wide_deep: WIDE_AND_DEEP } }",
            "`model_config.feature_groups[0].wide_deep` should be DEEP or WIDE. Received: "
            "WIDE_AND_DEEP, which is refused: EasyRec refuses it, too.",
        ),
        (
            "export_config { export_features: true }",
            "`export_config.export_features` is refused: it would answer with what the request "
            "says; ask `tfmtl.predict`, which writes columns beside predictions.",
        ),
    ],
)
def test_what_is_not_done_is_told_by_name(text, problem):
    assert checked(text) == ([problem], [])


def test_defaults_ask_for_nothing():
    text = "train_config { train_distribute: NoStrategy dead_line: '' is_profiling: false }"
    assert checked(text) == ([], [])


def test_separators_of_labels_of_one_value_have_no_effect():
    assert checked("data_config { label_fields: 'a' label_sep: ',' label_dim: 1 }") == (
        [],
        ["`data_config.label_sep` is accepted and ignored: a label has one value."],
    )


def test_nothing_is_asked_of_what_is_ignored():
    problems, warnings = checked("eval_config { metrics_set { gauc {} } metrics_set { auc {} } }")
    assert problems == []
    assert warnings == [
        "`eval_config.metrics_set` is accepted and ignored: each tower has its own `metrics_set`."
    ]


def test_nothing_more_is_told_of_what_is_ignored():
    problems, warnings = checked("model_config { losses { loss_type: CIRCLE_LOSS } }")
    assert problems == []
    assert len(warnings) == 1


def test_only_what_is_built_is_offered():
    assert built_values(loss_pb2.LossType.DESCRIPTOR)[:2] == ["CLASSIFICATION", "L2_LOSS"]
    assert "CIRCLE_LOSS" not in built_values(loss_pb2.LossType.DESCRIPTOR)
    assert "mmoe" in built_fields(model_pb2.Model.DESCRIPTOR)
    assert "outputs" not in built_fields(model_pb2.ModelParams.DESCRIPTOR)
