"""A row may come as one text of its cells, and is answered as its columns are."""

import json

import numpy as np
import pytest
import tensorflow as tf
from small_model import changed

from tfmtl.data.columns import declared_columns
from tfmtl.data.dialect import Dialect
from tfmtl.data.layout import Layout
from tfmtl.features.column import Column
from tfmtl.serving import export
from tfmtl.serving.export import check_exportable
from tfmtl.serving.gate.version import Version
from tfmtl.serving.joined_inputs import JoinedCells
from tfmtl.serving.latency import measure
from tfmtl.serving.signatures import build_servable
from tfmtl.serving.trial_requests import request_of, row_columns

COLUMNS = [
    Column("word", default="none"),
    Column("count", tf.int32, "3"),
    Column("id", tf.int64),
    Column("price", tf.float32, "2.5"),
    Column("exact", tf.float64),
    Column("is_new", tf.bool, "True"),
]
CELLS = JoinedCells(tuple(column.name for column in COLUMNS), ",")
INPUTS = ("user", "city", "level", "tags", "price", "vector")  # Of the small model, as declared.


def split(texts, cells=CELLS, columns=COLUMNS):
    """As a server runs it: of any number of rows, and optimized."""
    spec = tf.TensorSpec([None], tf.string)
    graph = tf.function(lambda given: cells.split(given, columns), input_signature=[spec])
    return {name: value.numpy().tolist() for name, value in graph(tf.constant(texts)).items()}


def cells_of(pipeline, inputs=INPUTS):
    asked = changed(pipeline, "export_config { multi_placeholder: false }")
    return JoinedCells.of_pipeline(asked, set(inputs))


def test_cells_become_what_their_columns_hold():
    assert split(["a b,-7, 9007199254740993,0.5,1e-3,false", "é,1,,,,"]) == {
        "word": [b"a b", "é".encode()],
        "count": [-7, 1],
        "id": [9007199254740993, 0],
        "price": [0.5, 2.5],
        "exact": [0.001, 0.0],
        "is_new": [False, True],
    }


def test_an_empty_text_stays_empty_and_a_number_is_its_default():
    assert split([",,,,,"]) == {
        "word": [b""],
        "count": [3],
        "id": [0],
        "price": [2.5],
        "exact": [0.0],
        "is_new": [True],
    }


def test_cells_mean_what_they_mean_in_a_file(model, pipeline):
    declared = declared_columns(pipeline.data_config)[: len(INPUTS)]
    layout = Layout(Dialect(",", has_quotes=False), INPUTS, tuple(declared))
    lines = ["u1,,,a|b,,", " , oslo, 7 ,,0x1p1,1|2", ',"q",-0,,-inf,']
    expected = {name: cells.numpy() for name, cells in layout.decode(tf.constant(lines)).items()}
    received = split(lines, JoinedCells(INPUTS, ","), model.columns.read_columns)
    assert received == {name: cells.tolist() for name, cells in expected.items()}


def test_one_column_has_no_separator():
    cells = JoinedCells(("word",), ",")
    assert split(["a", ""], cells, COLUMNS[:1]) == {"word": [b"a", b""]}


def test_a_column_that_is_not_read_may_hold_anything():
    assert split(["a,no number,,,,"], columns=COLUMNS[:1]) == {"word": [b"a"]}


@pytest.mark.parametrize(("text", "count"), [("a,1,1,1", 4), ("", 1), ("a,1,1,1,1,1,", 7)])
def test_a_row_of_other_cells_is_told_with_the_columns(text, count):
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        split([",,,,,", text, "a"])
    assert (
        "A row in `features` should be 6 cells with `,` between them: word, count, id, price, "
        f"exact, is_new; received, of other numbers of cells:] [{count} 1]"
    ) in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,1.5,1,1,1,1", "could not correctly convert string: 1.5"),
        ("a,1,1,dear,1,1", "could not correctly convert string: dear"),
        ("a,1,1,1,1,2", "A cell is not a BOOL."),
    ],
)
def test_a_cell_of_another_type_is_told(text, words):
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        split([text])


def test_numbers_come_back_as_they_were():
    rows = {
        "word": np.array([b"a", "“id”".encode()], dtype=object),
        "count": np.array([2**31 - 1, -1], np.int32),
        "id": np.array([-(2**63), 2**63 - 1]),
        "price": np.array([0.1, -1e30], np.float32),
        "exact": np.array([1 / 3, 1e300]),
        "is_new": np.array([True, False]),
    }
    received = split(CELLS.join(rows).tolist())
    assert received == {name: column.tolist() for name, column in rows.items()}


def test_nan_is_missing_as_in_every_request():
    cells = JoinedCells(("price",), ",")
    texts = cells.join({"price": np.array([np.nan], np.float32)})
    assert np.isnan(split(texts.tolist(), cells, [COLUMNS[3]])["price"][0])


def test_a_cell_that_would_be_split_is_left_empty():
    cells = JoinedCells(("a", "b"), "||")
    rows = {
        "a": np.array([b"x||y", b"x|", b"|x"], dtype=object),
        "b": np.array([b"1", b"|2", b"3"], dtype=object),
    }
    assert cells.join(rows).tolist() == [b"||1", b"|||2", b"|x||3"]
    assert split(cells.join(rows).tolist(), cells, [Column("a"), Column("b")]) == {
        "a": [b"", b"", b"|x"],
        "b": [b"1", b"|2", b"3"],
    }


def test_cells_are_the_inputs_in_the_datas_order(pipeline):
    assert cells_of(pipeline, reversed(INPUTS)) == JoinedCells(INPUTS, ",")
    tabbed = changed(pipeline, "data_config { separator: '\\\\t' }")
    assert cells_of(tabbed, ["tags", "user"]) == JoinedCells(("user", "tags"), "\t")


def test_it_is_there_if_it_is_asked_for(model, pipeline):
    assert JoinedCells.of_pipeline(pipeline, set(INPUTS)) is None
    servable = build_servable(model.columns, model.network, model.tasks)
    assert "joined" not in servable.signatures


def test_a_row_is_answered_as_its_columns_are(model, pipeline, rows):
    joined = cells_of(pipeline)
    servable = build_servable(model.columns, model.network, model.tasks, joined=joined)
    assert row_columns(servable.inputs).keys() == set(INPUTS)
    texts = np.array([b"u1,rome,0,a|b,0.0,0.5|1", b"u2,oslo,6,,2.5,3|4"], dtype=object)
    request = request_of("joined", servable.inputs["joined"], rows, 1, joined)
    assert request["features"][:2].tolist() == texts.tolist()
    received = servable.signatures["joined"]({"features": tf.constant(request["features"])})
    raw = {name: tf.constant(column) for name, column in rows.items()}
    expected = servable.signatures["serving_default"](raw)
    assert received.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(received[name], value, rtol=1e-6, err_msg=name)


@pytest.fixture(scope="module")
def version(model, pipeline, rows, tmp_path_factory):
    """Through the gate, and so through a fresh process."""
    asked = changed(pipeline, "export_config { multi_placeholder: false filter_inputs: false }")
    check_exportable(asked)
    base = tmp_path_factory.mktemp("joined")
    return export(model.network, model.columns, model.tasks, asked, base, rows)


@pytest.mark.slow
def test_an_export_tells_how_rows_are_joined(version):
    told = json.loads((version / "assets.extra" / "tfmtl_export.json").read_text("utf-8"))
    # All but the labels and the sample weight.
    assert told["joined"] == {"columns": [*INPUTS, "unused"], "separator": ","}
    text = (version.parent / "README.md").read_text("utf-8")
    assert (
        "Of `joined`, a row in `features` is 7 cells with `,` between them: `user`, `city`, "
        "`level`, `tags`, `price`, `vector`, `unused`.\nNo cell may have that text in it.\n"
    ) in text
    request = json.loads((version.parent / "request_joined.json").read_text("utf-8"))
    assert request["instances"][1] == {"features": "u2,oslo,6,,2.5,3|4,0"}


@pytest.mark.slow
def test_what_the_export_was_tried_with_is_answered_as_its_columns_are(version):
    """Rows of nothing, of unknown ids, of NaN and of extreme numbers among them."""
    answers = {record.signature: record.outputs for record in Version(version).golden}
    assert answers["joined"].keys() == answers["serving_default"].keys()
    for name, expected in answers["serving_default"].items():
        assert len(expected) > 4
        np.testing.assert_allclose(answers["joined"][name], expected, rtol=1e-5, err_msg=name)


@pytest.mark.slow
def test_it_is_measured_as_any_signature(version):
    (figures,) = measure([version], ["joined"], rows=[5], requests=3, roads=["c_runtime"])
    assert (figures["signature"], figures["rows"]) == ("joined", 5)
