"""An export that is broken in any way is refused by the words of the rule it breaks."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from toy import copied, number, servable, text, toy_servable, write_version

from tfmtl.errors import ExportError
from tfmtl.serving.gate import check_export, file_rules
from tfmtl.serving.gate.answers import check_answers
from tfmtl.serving.gate.version import Version
from tfmtl.serving.golden import GOLDEN_FILE
from tfmtl.serving.prediction_logs import Record, read_records, write_records
from tfmtl.serving.warmup import WARMUP_FILE


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A version with every kind of signature; to be copied."""
    return write_version(toy_servable(), tmp_path_factory.mktemp("toy") / "1")


@pytest.fixture
def broken(exported, tmp_path):
    """A copy of the small model's version, whose graph may be changed by `change_graph`."""
    return copied(exported, tmp_path / "7")


def change_graph(folder, change):
    path = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    change(saved.meta_graphs[0])
    path.write_bytes(saved.SerializeToString())


def add_node(op, **attributes):
    """Adds a node to the function that every signature runs."""

    def change(graph):
        function = next(
            each
            for each in graph.graph_def.library.function
            if each.signature.name.startswith("__inference_logits")
        )
        node = function.node_def.add(name="added", op=op)
        for name, value in attributes.items():
            node.attr[name].b = value
        function.control_ret["added"] = "added"

    return change


def refusal(folder, ask=False):
    with pytest.raises(ExportError) as error:
        check_export(folder, ask=ask)
    return str(error.value)


def change_manifest(folder, **values):
    path = folder / "assets.extra" / "tfmtl_export.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_what_is_whole_passes_with_every_kind_of_signature(toy):
    passed = check_export(toy)
    lines = passed.lines()
    assert lines[0] == f"Checked `{toy}`:"
    assert "  There is one graph, and its one tag is `serve`." in lines
    assert {record.signature for record, _ in passed.asked.warmups} == {
        "serving_default",
        "rank",
        "examples",
        "classify",
    }
    assert any(line.startswith("  rank, 1 x 128: ") for line in lines)


def test_warm_ups_ask_every_signature_at_every_size(toy):
    sizes = {}
    for record in read_records(toy / "assets.extra" / WARMUP_FILE):
        longest = max((value.shape for value in record.inputs.values()), key=len)
        sizes.setdefault(record.signature, []).append(longest)
    assert sizes == {
        "serving_default": [(1,), (16,), (128,)],
        "rank": [(1, 1), (1, 16), (1, 128)],
        "examples": [(1,), (16,), (128,)],
        "classify": [(1,), (16,), (128,)],
    }


# The ten ways.


def test_1_a_python_operation(broken):
    change_graph(broken, add_node("EagerPyFunc"))
    assert refusal(broken) == (
        "The graph should neither run Python, nor read or write files, nor print. "
        "Received: the operation EagerPyFunc."
    )


def test_2_a_missing_asset(broken):
    (broken / "assets" / "cities.txt").unlink()
    assert refusal(broken) == (
        "`assets/cities.txt`, which the graph reads, should be there. Received: no such file."
    )


def test_3_an_absolute_path(broken, vocabulary):
    def change(graph):
        node = next(n for n in graph.graph_def.node if n.name == "asset_path_initializer")
        node.Clear()
        node.name, node.op = "asset_path_initializer", "Const"
        node.attr["dtype"].type = tf.string.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(str(vocabulary)))
        del graph.asset_file_def[:]

    change_graph(broken, change)
    assert refusal(broken) == (
        "A file that the graph reads should be one of its assets. "
        f"Received: the path `{vocabulary}`, in node `asset_path_initializer`."
    )


def test_4_an_operation_that_xla_must_compile(broken):
    change_graph(broken, add_node("StatefulPartitionedCall", _XlaMustCompile=True))
    assert refusal(broken) == (
        "Nothing should have to be compiled by XLA (`jit_compile=True`), which a stock server does "
        "not do. Received: node `added`."
    )


def test_4_a_function_that_jit_compile_made(tmp_path):
    inputs = {"serving_default": {"price": number(None, name="price")}}
    double = tf.function(lambda price: 2 * price, jit_compile=True)

    def compiled(raw):
        return {"twice": double(raw["price"])}

    folder = write_version(servable(tf.Module(), inputs, [compiled]), tmp_path / "1")
    lines = refusal(folder).splitlines()
    rule = "Nothing should have to be compiled by XLA (`jit_compile=True`), "
    assert all(line.startswith(rule) for line in lines)
    assert any("Received: function `__inference_" in line for line in lines)


def test_5_a_wrong_batch_axis(broken):
    def change(graph):
        outputs = graph.signature_def["serving_default"].outputs
        outputs["probs_ctr"].tensor_shape.dim[0].size = 1
        outputs["y_stay"].tensor_shape.ClearField("dim")

    change_graph(broken, change)
    said = refusal(broken)
    assert (
        "Output `probs_ctr` of signature `serving_default` should have the batch as its first "
        "axis, of any length. Received: the shape [1]." in said
    )
    assert "Output `y_stay` of signature `serving_default` should have the batch" in said


def test_6_a_lost_output_name(broken):
    change_graph(broken, lambda graph: graph.signature_def["serving_default"].outputs.pop("y_stay"))
    said = refusal(broken)
    assert "The outputs of signature `serving_default` should be `logits_ctr`, " in said
    assert "Received: `y_stay` missing, none beside." in said


def test_7_a_padding_leak(tmp_path):
    leaking = write_version(toy_servable(leak=True), tmp_path / "1")
    assert refusal(leaking, ask=True).startswith(
        "The export should answer alike where a server fills up lists, which it does with their "
        "first element. Output `probs` of signature `rank` should be "
    )


def test_8_slot_variables(tmp_path, exported):
    folder = copied(exported, tmp_path / "1")
    weight = tf.Variable(tf.ones((5, 2)), name="dense/kernel")
    checkpoint = tf.train.Checkpoint(weight=weight, slot=tf.Variable(weight, name="dense/kernel/m"))
    checkpoint.write(str(folder / "variables" / "variables"))
    said = refusal(folder)
    assert (
        "`variables/` should hold what the signatures read, and nothing of training. Received: "
        "`slot`, the variable `dense/kernel/m`." in said
    )
    assert (
        "`variables/` should hold `stay_logits/bias`, which a signature reads. "
        "Received: no such key." in said
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"level": np.array([1.0], dtype=np.float32)},
            "should have `level` as int32 (None,). Received: float32 (1,).",
        ),
        (
            {"price": np.zeros((1, 1), dtype=np.float32)},
            "should have `price` as float32 (None,). Received: float32 (1, 1).",
        ),
        (
            {"click": np.array([1])},
            "should have the inputs city, level, price, tags, user, vector. "
            "Received: city, click, level, price, tags, user, vector.",
        ),
        (
            {"price": np.zeros(2, dtype=np.float32)},
            "should have as many rows in every input. Received: different numbers.",
        ),
    ],
)
def test_9_an_unequal_warm_up_record(broken, change, words):
    path = broken / "assets.extra" / WARMUP_FILE
    first, *others = read_records(path)
    write_records(path, [Record(first.signature, {**first.inputs, **change}), *others], "m")
    assert refusal(broken) == (
        f"Record 0 of `tf_serving_warmup_requests`, to signature `serving_default`, {words}"
    )


@pytest.mark.parametrize(
    "file",
    [
        "saved_model.pb",
        "fingerprint.pb",
        "variables/variables.index",
        "assets.extra/tfmtl_export.json",
        "assets.extra/golden_answers",
        "assets.extra/tf_serving_warmup_requests",
    ],
)
def test_10_a_partial_version(broken, file):
    (broken / file).write_bytes(b"")
    assert f"A version should have the file `{file}`. Received: an empty file." in refusal(broken)
    (broken / file).unlink()
    assert f"A version should have the file `{file}`. Received: no such file." in refusal(broken)


def test_10_a_partial_version_of_half_a_file(broken):
    for name in ("variables/variables.data-00000-of-00001", "saved_model.pb"):
        path = broken / name
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        said = refusal(broken, ask=True)
        assert "should be whole. Received: " in said or "should be a SavedModel. Received: " in said
        path.write_bytes(whole)


# Every other rule.


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda graph: graph.meta_info_def.tags.append("gpu"),
            "There should be one graph, with the one tag `serve`. Received: [['gpu', 'serve']].",
        ),
        (
            lambda graph: graph.signature_def["other"].CopyFrom(
                graph.signature_def.pop("serving_default")
            ),
            "There should be a signature `serving_default`, which requests without a name mean. "
            "Received: `classify`, `examples`, `other`, `regress`.",
        ),
        (
            lambda graph: setattr(
                graph.signature_def["serving_default"], "method_name", "tensorflow/serving/guess"
            ),
            "Signature `serving_default` should be for one of tensorflow/serving/predict, "
            "tensorflow/serving/classify, tensorflow/serving/regress. "
            "Received: 'tensorflow/serving/guess'.",
        ),
        (
            lambda graph: setattr(
                graph.signature_def["serving_default"], "method_name", "tensorflow/serving/regress"
            ),
            "Signature `serving_default` should have the one input `inputs`, as "
            "tensorflow/serving/regress needs. Received: `city`, `level`, `price`, `tags`, "
            "`user`, `vector`.",
        ),
        (
            lambda graph: setattr(
                graph.signature_def["serving_default"].outputs["y_stay"],
                "dtype",
                tf.bfloat16.as_datatype_enum,
            ),
            "Output `y_stay` of signature `serving_default` should have one of the types float32, "
            "float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64, bool, string. "
            "Received: bfloat16.",
        ),
        (
            lambda graph: (
                graph.signature_def["serving_default"]
                .outputs["a b"]
                .CopyFrom(graph.signature_def["serving_default"].outputs["y_stay"])
            ),
            "Output `a b` of signature `serving_default` should have a name of letters, digits and "
            "`_ . - /`. Received: 'a b'.",
        ),
        (
            lambda graph: (
                graph.signature_def["serving_default"].outputs["y_stay"].coo_sparse.SetInParent()
            ),
            "Output `y_stay` of signature `serving_default` should be dense. Received: coo_sparse.",
        ),
        (
            add_node("AssignAddVariableOp"),
            "A signature should change nothing, because requests run at the same time. "
            "Received: the operation AssignAddVariableOp.",
        ),
        (
            add_node("SaveV2"),
            "A signature should neither read nor write files, nor end the server. "
            "Received: the operation SaveV2.",
        ),
        (
            add_node("Abort"),
            "A signature should neither read nor write files, nor end the server. "
            "Received: the operation Abort.",
        ),
        (
            add_node("WriteScalarSummary"),
            "A signature should neither read nor write files, nor end the server. "
            "Received: the operation WriteScalarSummary.",
        ),
        (
            add_node("WriteFile"),
            "The graph should neither run Python, nor read or write files, nor print. "
            "Received: the operation WriteFile.",
        ),
        (
            add_node("LookupTableInsertV2"),
            "A signature should change nothing, because requests run at the same time. "
            "Received: the operation LookupTableInsertV2.",
        ),
        (
            add_node("RandomUniform"),
            "A signature should draw nothing at random, as dropout does in training. "
            "Received: the operation RandomUniform.",
        ),
        (
            add_node("StatefulUniform"),
            "A signature should draw nothing at random, as dropout does in training. "
            "Received: the operation StatefulUniform.",
        ),
        (
            add_node("Timestamp"),
            "A signature should draw nothing at random, as dropout does in training. "
            "Received: the operation Timestamp.",
        ),
        (
            add_node("TextLineDataset"),
            "The graph should neither run Python, nor read or write files, nor print. "
            "Received: the operation TextLineDataset.",
        ),
        (
            add_node("TFRA>CuckooHashTableFind"),
            "The graph should have operations of TensorFlow itself alone, which every server has. "
            "Received: the operation TFRA>CuckooHashTableFind.",
        ),
        (
            lambda graph: (
                graph.graph_def.node.add(name="big", op="Const")
                .attr["value"]
                .tensor.CopyFrom(tf.make_tensor_proto(np.zeros(1 << 18, np.float32)))
            ),
            "A constant should have less than 1,048,576 bytes. Received: 1,048,",
        ),
        (
            lambda graph: setattr(graph.graph_def.versions, "producer", 12),
            "`versions.graph_producer` should be that of the graph, 12. Received: 2474.",
        ),
    ],
)
def test_a_graph_that_a_server_could_not_take(broken, change, words):
    change_graph(broken, change)
    assert words in refusal(broken)


def test_a_folder_that_no_server_would_load(toy, tmp_path):
    for name in ("latest", "v1", "-1", str(2**63)):
        assert refusal(copied(toy, tmp_path / name)) == (
            "A version's folder should be called by its number, because servers leave out all "
            f"others. Received: `{name}`."
        )


def test_a_version_may_be_named_by_a_link_or_from_within(toy, tmp_path, monkeypatch):
    link = tmp_path / "latest"
    link.symlink_to(toy)
    check_export(link, ask=False)
    monkeypatch.chdir(toy)
    check_export(Path(), ask=False)


@pytest.mark.parametrize(("tolerance", "told"), [(100, "100"), (np.nan, "nan"), (-1, "-1")])
def test_a_tolerance_that_the_storage_does_not_allow(broken, tolerance, told):
    change_manifest(broken, tolerance=tolerance)
    assert refusal(broken) == (
        "`tfmtl_export.json` should tell a `tolerance` of at most 1e-05, that of tables in "
        f"FLOAT32. Received: {told}."
    )


def test_a_config_that_cannot_be_read(broken):
    (broken / "assets" / "pipeline.config").write_text("nonsense")
    assert refusal(broken).startswith(
        "`assets/pipeline.config` should be what `tfmtl export` wrote. Received: 1:1 : "
    )


def test_an_input_that_nothing_reads(tmp_path):
    inputs = {
        "serving_default": {"user": text(None, name="user"), "price": number(None, name="price")}
    }

    def only_price(raw):
        return {"twice": 2 * raw["price"]}

    idle = servable(tf.Module(), inputs, [only_price])
    folder = write_version(idle, tmp_path / "1")
    assert (
        "Input `user` of signature `serving_default` should be read: every request has to bring "
        "it. Received: no output depends on it." in refusal(folder)
    )
    change_manifest(folder, unread_inputs=["user"])
    assert "should be read" not in refusal_or_nothing(folder)


def refusal_or_nothing(folder):
    try:
        check_export(folder, ask=False)
    except ExportError as error:
        return str(error)
    return ""


def test_a_signature_without_warm_ups_or_with_too_many(toy, tmp_path):
    folder = copied(toy, tmp_path / "1")
    path = folder / "assets.extra" / WARMUP_FILE
    ranks = [record for record in read_records(path) if record.signature == "rank"]
    write_records(path, ranks[:1] * 1001, "m")
    said = refusal(folder)
    assert "`tf_serving_warmup_requests` should have at most 1000 records. Received: 1001." in said
    assert "should have requests to signature `examples`. Received: none." in said


def test_files_of_requests_that_are_none(broken):
    (broken / "assets.extra" / WARMUP_FILE).write_text("warm" * 30)
    said = refusal(broken)
    assert "should be a TFRecord file of PredictionLog messages of Predict. Received: " in said


def test_parameters_of_batching_that_no_server_takes(broken):
    (broken / "batching_params.pbtxt").write_text(
        "max_batch_size { value: 64 } allowed_batch_sizes: 8 allowed_batch_sizes: 32\n"
        "pad_variable_length_inputs: true"
    )
    said = refusal(broken).splitlines()
    assert said == [
        "`batching_params.pbtxt`: It should have the fields max_batch_size, batch_timeout_micros, "
        "max_enqueued_batches, max_execution_batch_size, allowed_batch_sizes, "
        "enable_large_batch_splitting. Received: pad_variable_length_inputs: true.",
        "`batching_params.pbtxt`: The last of `allowed_batch_sizes` should be 64. Received: 32.",
    ]


def test_parameters_of_batching_that_are_no_text(broken):
    (broken / "batching_params.pbtxt").write_bytes(b"\xff")
    assert "`batching_params.pbtxt`: It should be text of BatchingParameters." in refusal(broken)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "should be what `tfmtl export` wrote. Received: null as `versions`."),
        ("[1]", "should be what `tfmtl export` wrote. Received: null as `versions`."),
        ("{", "should be JSON. Received: "),
    ],
)
def test_a_manifest_that_tells_nothing(broken, text, words):
    (broken / "assets.extra" / "tfmtl_export.json").write_text(text)
    assert words in refusal(broken)


@pytest.mark.parametrize(
    ("file", "content", "what"),
    [
        ("assets/cities.txt", "oslo\nrome\nbonn\n", "another"),
        ("assets/notes.txt", None, "no such file"),
        ("assets/more.txt", "more", "a file that the export does not tell of"),
        ("fingerprint.pb", "another", "another"),
    ],
)
def test_another_file_than_was_exported(broken, file, content, what):
    (broken / file).unlink(missing_ok=True)
    if content:
        (broken / file).write_text(content)
    assert refusal(broken) == f"`{file}` should be as it was exported. Received: {what}."


def test_an_export_that_tells_no_checksums(broken):
    change_manifest(broken, checksums=None)
    words = "`tfmtl_export.json` should tell the `checksums` of files. Received: None."
    assert refusal(broken) == words


def test_a_model_that_tfmtl_did_not_export(tmp_path):
    model = tf.Module()
    model.run = tf.function(
        lambda x: {"y": tf.numpy_function(lambda each: each, [x], tf.float32)},
        input_signature=[tf.TensorSpec([3], tf.float32, "x")],
    )
    model.weight = tf.Variable(1.0)
    tf.saved_model.save(model, str(tmp_path), signatures=model.run)
    said = refusal(tmp_path)
    for file in ("tfmtl_export.json", "golden_answers", "tf_serving_warmup_requests"):
        assert said.count(f"A version should have the file `assets.extra/{file}`.") == 1
    assert (
        "should have the batch as its first axis, of any length. Received: the shape [3]." in said
    )
    assert "Received: the operation PyFunc." in said


def test_all_problems_are_told_at_once(broken):
    change_graph(broken, add_node("PrintV2"))
    (broken / "assets" / "cities.txt").unlink()
    assert len(refusal(broken).splitlines()) == 2


# What only shows when it is asked.


def test_another_answer_than_the_trained_models(toy, tmp_path):
    folder = copied(toy, tmp_path / "1")
    path = folder / "assets.extra" / GOLDEN_FILE
    first, *others = read_records(path)
    wrong = first.outputs["probs"].copy()
    wrong[2] += 0.01
    write_records(path, [Record(first.signature, first.inputs, {"probs": wrong}), *others], "m")
    said = refusal(folder, ask=True)
    assert said.startswith(
        "The export should answer as the trained model does. Output `probs` of signature "
        f"`serving_default` should be {wrong[2]}. Received: "
    )
    assert "for the row {'price': " in said


@pytest.mark.slow
def test_an_answer_that_is_another_when_asked_again(tmp_path):
    inputs = {"serving_default": {"price": number(None, name="price")}}

    def noisy(raw):
        known = tf.where(tf.math.is_finite(raw["price"]), raw["price"], 0.0)
        return {"noise": known + tf.random.normal(tf.shape(known))}

    folder = write_version(servable(tf.Module(), inputs, [noisy]), tmp_path / "1")
    with pytest.raises(ExportError) as error:
        check_answers(Version(folder))
    assert str(error.value) == (
        "Signature `serving_default` should answer the same when asked twice. "
        "Received: another answer, to 1 rows."
    )


@pytest.mark.slow
def test_an_answer_that_depends_on_the_other_rows(tmp_path):
    inputs = {"serving_default": {"price": number(None, name="price")}}

    def of_all(raw):
        known = tf.where(tf.math.is_finite(raw["price"]), raw["price"], 0.0)
        return {"share": tf.nn.softmax(0.1 * known)}

    folder = write_version(servable(tf.Module(), inputs, [of_all]), tmp_path / "1")
    assert refusal(folder, ask=True).startswith(
        "The export should answer a row alike, whatever other rows are in its batch. Output "
        "`share` of signature `serving_default` should be "
    )


@pytest.mark.slow
def test_a_version_that_cannot_be_loaded(broken):
    def change(graph):
        node = next(n for n in graph.graph_def.node if n.op == "HashTableV2")
        node.attr["value_dtype"].type = tf.string.as_datatype_enum

    change_graph(broken, change)
    said = refusal(broken, ask=True)
    assert said.startswith(
        "The export should load and answer in a process that has only TensorFlow's C library. "
        "It failed there: "
    )
    assert len(said.splitlines()) == 1


@pytest.mark.slow
def test_text_that_rest_could_not_write(tmp_path):
    inputs = {"serving_default": {"user": text(None, name="user")}}

    def spoilt(raw):
        return {"name": tf.strings.join([raw["user"], b"\xff"])}

    folder = write_version(servable(tf.Module(), inputs, [spoilt]), tmp_path / "1")
    assert refusal(folder, ask=True).startswith(
        "Output `name` of signature `serving_default` should be UTF-8, or its name end in "
        "`_bytes`. Received: "
    )


def test_a_graph_that_is_too_large(broken, monkeypatch):
    monkeypatch.setattr(file_rules, "_MOST_BYTES_OF_GRAPH", 1000)
    size = (broken / "saved_model.pb").stat().st_size
    assert refusal(broken) == (
        "`saved_model.pb` should have at most 1,000 bytes, because servers refuse large ones. "
        f"Received: {size:,}. Use `vocab_file` in place of `vocab_list`."
    )


def test_rows_of_nothing_and_of_extremes_are_among_the_recorded(exported):
    records = read_records(exported / "assets.extra" / GOLDEN_FILE)
    record = next(each for each in records if each.signature == "serving_default")
    level, price = record.inputs["level"].tolist(), record.inputs["price"].tolist()
    # Four rows of data; then nothing, unknown, missing, and the largest and smallest numbers.
    assert level[4:] == [0, -1, 0, 2**31 - 1, -(2**31)]
    assert price[4:6] == [0.0, -1.0] and np.isnan(price[6])
    assert record.inputs["user"][5] == "no such \u201cid\u201d".encode()
