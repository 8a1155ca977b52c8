import shutil

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small_model import answers

from tfmtl.errors import DataError, ExportError
from tfmtl.serving import Predictor, prune
from tfmtl.serving import predictor as room


@pytest.fixture(scope="module")
def predictor(exported):
    return Predictor(exported, batch_size=3)


@pytest.fixture
def frame(rows):
    """The rows as a user has them, with an index of their own and a column too many."""
    columns = {
        name: [value.decode() if isinstance(value, bytes) else value for value in column]
        for name, column in rows.items()
    }
    return pd.DataFrame({"note": ["x"] * 4, **columns}, index=[7, 5, 5, 9])


def test_predictions_are_the_models_whatever_the_batch_size(predictor, frame, model, rows):
    predicted = predictor.predict(frame)
    expected = answers(model, rows)
    assert list(predicted.columns) == sorted(expected)
    assert list(predicted.index) == [7, 5, 5, 9]
    for name, value in expected.items():
        np.testing.assert_allclose(np.stack(predicted[name]), value, rtol=1e-5, err_msg=name)


def test_a_cell_of_a_task_with_classes_is_an_array(predictor, frame):
    cell = predictor.predict(frame)["probs_rating"].iloc[1]
    assert cell.shape == (3,)
    assert cell.sum() == pytest.approx(1.0)


def test_an_empty_cell_is_the_configs_default(predictor, frame):
    empty, filled = frame.copy(), frame.copy()
    empty["price"] = np.nan
    empty["level"] = pd.array([pd.NA] * 4, "Int64")
    empty["city"] = None
    filled["price"], filled["level"], filled["city"] = 2.5, 3, "rome"
    pd.testing.assert_frame_equal(predictor.predict(empty), predictor.predict(filled))


def test_no_rows_have_no_predictions(predictor, frame):
    predicted = predictor.predict(frame.iloc[:0])
    assert len(predicted) == 0
    assert predicted["probs_ctr"].dtype == np.float32
    assert list(predicted.columns) == predictor.outputs


def test_inputs_and_outputs_are_named(predictor):
    assert predictor.inputs == ["city", "level", "price", "tags", "user", "vector"]
    assert {"probs_ctr", "y_rating", "y_stay"} < set(predictor.outputs)


def test_a_missing_column_is_named_with_the_nearest(predictor, frame):
    with pytest.raises(DataError, match=r"`price` \(nearest: `prize`\)"):
        predictor.predict(frame.rename(columns={"price": "prize"}))


def test_a_cell_of_another_type_is_told(predictor, frame):
    frame["level"] = ["0", "six", "2", "3"]
    with pytest.raises(DataError, match=r"DataFrame.iloc\[1\].*level.*six"):
        predictor.predict(frame)


def test_half_of_a_surrogate_pair_is_told(predictor, frame):
    frame["city"] = pd.Series(["rome", "\ud83d", "rome", None], frame.index, dtype=object)
    with pytest.raises(DataError) as error:
        predictor.predict(frame)
    assert str(error.value) == (
        'DataFrame.iloc[1]: column `city` should be a STRING. Received: "\\ud83d". Half of a '
        "surrogate pair cannot be written as UTF-8. Fix it, or set `data_config.bad_rows: SKIP` "
        "to leave such rows out."
    )


def test_of_several_versions_the_newest_is_taken(exported, tmp_path):
    for version in ("9", "10"):
        shutil.copytree(exported, tmp_path / version)
    assert Predictor(tmp_path).directory == tmp_path / "10"
    assert Predictor(tmp_path / "9").directory == tmp_path / "9"


@pytest.mark.parametrize(
    ("place", "moment"),
    [(room, "_newest"), (room, "read_pipeline"), (room.tf.saved_model, "load")],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_training_that_goes_on_may_replace_what_is_opened(
    exported, tmp_path, monkeypatch, place, moment
):
    """The only version is there when it is looked for, and gone when it is read."""
    shutil.copytree(exported, tmp_path / "9")
    do = getattr(place, moment)

    def do_and_replace(*args):
        monkeypatch.undo()
        found = do(*args) if moment == "_newest" else None
        shutil.copytree(exported, tmp_path / "10")
        prune(tmp_path, 1)
        return found or do(*args)

    monkeypatch.setattr(place, moment, do_and_replace)
    assert Predictor(tmp_path).directory == tmp_path / "10"


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(ExportError) as error:
        Predictor(tmp_path)
    assert str(error.value) == (
        f"`{tmp_path}` should be an exported model or a folder of its versions. "
        "Received: a folder without one. `tfmtl export` writes one."
    )
    with pytest.raises(ExportError, match="Received: no folder"):
        Predictor(tmp_path / "nowhere")


def test_a_config_that_is_damaged_is_told(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path))
    (tmp_path / "assets").mkdir(exist_ok=True)
    (tmp_path / "assets" / "pipeline.config").write_text("model_config {")
    with pytest.raises(ExportError, match="`assets/pipeline.config` should be what `tfmtl export`"):
        Predictor(tmp_path)


def test_a_savedmodel_of_someone_elses_is_told(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(ExportError, match="Received: a SavedModel without it"):
        Predictor(tmp_path)
