import json
import os
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from small_model import answers, build_model, changed, check_against
from tensorflow.python.tools import saved_model_utils

from tfmtl.errors import ExportError
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.serving import export
from tfmtl.serving.export import check_exportable
from tfmtl.serving.signatures import build_servable, check_input_names
from tfmtl.training import MultiTaskModel

BESIDE = [
    "README.md",
    "models.config",
    "request.json",
    "request.py",
    *(f"request_{signature}.json" for signature in ("classify", "examples", "regress")),
]
ONLY_TENSORFLOW = """
    import json, sys
    sys.modules.update(dict.fromkeys(["tfmtl", "keras", "tf_keras", "tensorflow_recommenders"]))
    import tensorflow as tf
    signature = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
    answer = signature(
        user=tf.constant(["u1", "u2", "", "u1"]),
        city=tf.constant(["rome", "oslo", "nowhere", ""]),
        level=tf.constant([0, 6, 99, -1]),
        tags=tf.constant(["a|b", "", "c", "a|a|z"]),
        price=tf.constant([0.0, 2.5, 10.0, 7.25]),
        vector=tf.constant(["0.5|1", "3|4", "", "1"]),
    )
    print(json.dumps({name: value.numpy().tolist() for name, value in answer.items()}))
"""


def graph_of(folder):
    return saved_model_utils.get_meta_graph_def(str(folder), "serve")


def signature_of(folder):
    return graph_of(folder).signature_def["serving_default"]


@pytest.fixture
def export_to(model, pipeline):
    """Exports the model, or one that differs in some part."""

    def export_to(base, **changes):
        parts = {**vars(model), "pipeline": pipeline, **changes}
        return export(directory=base, **parts)

    return export_to


@pytest.mark.slow
def test_it_answers_moved_and_read_only_where_there_is_only_tensorflow(
    exported, model, tmp_path, rows, vocabulary
):
    moved = tmp_path / "elsewhere" / "7"
    shutil.copytree(exported, moved)
    for path in [*moved.rglob("*"), moved]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    hidden = vocabulary.rename(vocabulary.with_name("gone"))
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", textwrap.dedent(ONLY_TENSORFLOW), str(moved)],
            capture_output=True,
            text=True,
        )
    finally:
        hidden.rename(vocabulary)
    assert done.returncode == 0, done.stderr
    received = json.loads(done.stdout)
    expected = answers(model, rows)
    assert received.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(received[name], value, rtol=1e-6, err_msg=name)


def test_inputs_are_the_columns_that_features_read(exported):
    inputs = signature_of(exported).inputs
    assert {name: tf.DType(info.dtype).name for name, info in inputs.items()} == {
        "user": "string",
        "city": "string",
        "level": "int32",
        "tags": "string",
        "price": "float32",
        "vector": "string",
    }
    assert all([dim.size for dim in info.tensor_shape.dim] == [-1] for info in inputs.values())


def test_outputs_are_the_predictions_of_every_task(exported):
    outputs = signature_of(exported).outputs
    shapes = {
        name: (tf.DType(info.dtype).name, [dim.size for dim in info.tensor_shape.dim])
        for name, info in outputs.items()
    }
    assert shapes == {
        "probs_ctr": ("float32", [-1]),
        "logits_ctr": ("float32", [-1]),
        "probs_rating": ("float32", [-1, 3]),
        "logits_rating": ("float32", [-1, 3]),
        "y_rating": ("int64", [-1]),
        "probs_rating_1": ("float32", [-1]),
        "logits_rating_1": ("float32", [-1]),
        "probs_rating_y": ("float32", [-1]),
        "logits_rating_y": ("float32", [-1]),
        "y_stay": ("float32", [-1]),
    }


@pytest.mark.slow
def test_without_filter_inputs_all_columns_but_labels_and_weight_are_inputs(
    export_to, pipeline, tmp_path
):
    wide = changed(pipeline, "export_config { filter_inputs: false }")
    inputs = signature_of(export_to(tmp_path, pipeline=wide)).inputs
    assert sorted(inputs) == ["city", "level", "price", "tags", "unused", "user", "vector"]
    assert tf.DType(inputs["unused"].dtype) == tf.int64


def test_names_of_unread_columns_are_looked_at_before_training(pipeline):
    odd = "data_config { input_fields { input_name: 'of two words' } }"
    check_exportable(changed(pipeline, odd))
    with pytest.raises(ExportError, match="Received: 'of two words'"):
        check_exportable(changed(pipeline, f"{odd} export_config {{ filter_inputs: false }}"))


def test_a_long_list_of_words_is_refused_before_training(pipeline):
    long = changed(pipeline, "")
    long.feature_configs[1].ClearField("vocab_file")
    long.feature_configs[1].vocab_list.extend([f"{'city' * 30}{index}" for index in range(9000)])
    with pytest.raises(ExportError) as error:
        check_exportable(long)
    assert str(error.value) == (
        "`vocab_list` of feature `city` should have less than 1,048,576 bytes, because it is part "
        "of the exported graph. Received: 1,114,890. Use `vocab_file`."
    )


def test_it_holds_weights_and_vocabularies_and_nothing_of_training(exported, model):
    files = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    assert files == {
        "saved_model.pb",
        "fingerprint.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
        "assets/cities.txt",
        "assets/notes.txt",
        "assets/pipeline.config",
        "assets.extra/golden_answers",
        "assets.extra/tf_serving_warmup_requests",
        "assets.extra/tfmtl_export.json",
    }
    variables = [
        name for name, _ in tf.train.list_variables(str(exported / "variables" / "variables"))
    ]
    assert not [name for name in variables if "OPTIMIZER_SLOT" in name]
    assert sum("VARIABLE_VALUE" in name for name in variables) == len(model.network.weights)


def test_its_graph_has_no_python_and_no_must_compile(exported):
    graph = graph_of(exported).graph_def
    nodes = [
        *graph.node,
        *(node for function in graph.library.function for node in function.node_def),
    ]
    assert not [
        node.op for node in nodes if "PyFunc" in node.op or node.op in ("ReadFile", "PrintV2")
    ]
    attributes = [*(node.attr for node in nodes), *(f.attr for f in graph.library.function)]
    assert not [attr for attr in attributes if attr["_XlaMustCompile"].b]


def test_the_config_in_it_is_the_config(exported, pipeline):
    text = (exported / "assets" / "pipeline.config").read_text()
    assert text_format.Parse(text, Pipeline()) == pipeline


def test_an_answer_does_not_depend_on_the_batch(exported, rows):
    signature = tf.saved_model.load(str(exported)).signatures["serving_default"]
    together = signature(**{name: tf.constant(column) for name, column in rows.items()})
    for row in range(4):
        alone = signature(
            **{name: tf.constant(column[row : row + 1]) for name, column in rows.items()}
        )
        for name, value in alone.items():
            np.testing.assert_allclose(value[0], together[name][row], rtol=1e-6, err_msg=name)


def test_an_empty_cell_is_answered_as_the_configs_default(exported, rows):
    signature = tf.saved_model.load(str(exported)).signatures["serving_default"]

    def ask(**cells):
        row = {name: tf.constant(column[:1]) for name, column in rows.items()}
        return signature(**row | {name: tf.constant([cell]) for name, cell in cells.items()})

    expected = ask(city="rome", price=2.5)
    assert ask(city="oslo", price=7.5)["logits_ctr"] != expected["logits_ctr"]
    for name, value in ask(city="", price=np.nan).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


@pytest.mark.slow
def test_a_second_export_is_a_later_version_beside_the_first(export_to, tmp_path):
    first, second = export_to(tmp_path), export_to(tmp_path)
    assert int(second.name) > int(first.name)
    assert sorted(os.listdir(tmp_path)) == [first.name, second.name, *BESIDE]


@pytest.mark.slow
def test_other_weights_than_the_trained_ones_fail_the_check(exported, pipeline, rows):
    other = build_model(pipeline)
    other.network.get_layer("ctr_logits").bias.assign([-17.0])
    servable = build_servable(other.columns, other.network, other.tasks)
    with pytest.raises(ExportError) as error:
        check_against(exported, servable, rows)
    assert "The export should answer as the trained model does. Output `" in str(error.value)
    assert "_ctr` of signature `serving_default` should be " in str(error.value)
    assert "for the row {" in str(error.value)


@pytest.mark.slow
def test_a_python_function_in_the_graph_fails_and_leaves_no_version(export_to, tmp_path):
    class Sly:
        """A task whose prediction runs Python, which works in this process and in no other."""

        name = "ctr"
        variables = ()
        units = 1
        calibration = None

        def predictions(self, logits):
            doubled = tf.numpy_function(lambda x: 2 * x, [logits[:, 0]], tf.float32)
            return {"twice_ctr": tf.ensure_shape(doubled, [None])}

    with pytest.raises(ExportError) as error:
        export_to(tmp_path, tasks=[Sly()])
    assert str(error.value) == (
        "The graph should neither run Python, nor read or write files, nor print. "
        "Received: the operation PyFunc."
    )
    assert os.listdir(tmp_path) == []


def test_two_outputs_of_one_name_are_told(export_to, model, tmp_path):
    with pytest.raises(ExportError) as error:
        export_to(tmp_path, tasks=[model.tasks[0], model.tasks[0]])
    assert str(error.value) == (
        "Every output should have a name of its own. Received: `logits_ctr` a second time, from "
        "task `ctr`. Rename the task."
    )


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (
            "nowhere.txt",
            "`export_config.asset_files` should name files that exist. Received: `nowhere.txt`.",
        ),
        (
            "a/cities.txt",
            "`export_config.asset_files` should have names that no other asset of the export has. "
            "Received: `a/cities.txt`, where there is already a `cities.txt`.",
        ),
    ],
)
def test_asset_files_that_cannot_go_along_are_told(
    export_to, pipeline, tmp_path, monkeypatch, file, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "cities.txt").write_text("paris")
    with pytest.raises(ExportError) as error:
        other = changed(pipeline, f'export_config {{ asset_files: "{file}" }}')
        export_to(tmp_path / "out", pipeline=other)
    assert str(error.value) == said
    assert os.listdir(tmp_path / "out") == []


def test_a_directory_that_cannot_be_written_is_told(export_to, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExportError, match="could not be exported to `.*file`: "):
        export_to(tmp_path / "file")


@pytest.mark.parametrize("name", ["user id", "größe", "_x", "self", "a:b", "-x", ""])
def test_a_column_that_cannot_be_an_input_is_told(name):
    with pytest.raises(ExportError, match="Rename it in the data and in `data_config`."):
        check_input_names([name])


def test_one_input_alone_is_not_called_as_rest_calls_bytes():
    check_input_names(["b64", "user"])
    with pytest.raises(ExportError) as error:
        check_input_names(["b64"])
    assert str(error.value) == (
        "The one input of the exported model should not be called `b64`, which means bytes over "
        "REST. Rename it in the data and in `data_config`."
    )


@pytest.mark.parametrize("name", ["user_id", "User-Id.2", "1st", "a/b", "selfie"])
def test_columns_of_other_names_can(name):
    check_input_names([name])


def test_what_losses_learn_is_no_part_of_an_export(pipeline):
    loss = "losses { loss_type: LISTWISE_RANK_LOSS listwise_rank_loss { scale_logits: true } }"
    tower = f'task_towers {{ tower_name: "fond" label_name: "click" {loss} }}'
    other = build_model(changed(pipeline, f"model_config {{ mmoe {{ {tower} }} }}"))
    before = list(other.network.weights)
    MultiTaskModel(other.network, other.tasks)
    assert len(other.network.weights) == len(before) + 1
    servable = build_servable(other.columns, other.network, other.tasks)
    assert [w.ref() for w in servable.module.weights] == [w.ref() for w in before]
