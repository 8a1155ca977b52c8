"""`user_define_fn` of a label is a function by name, whatever the label is read from."""

import numpy as np
import pandas as pd
import pytest

from tfmtl.config import COLUMN_FUNCTIONS
from tfmtl.data import open_source
from tfmtl.layers.column_functions import COLUMN_FUNCTIONS as COMPUTED


@pytest.mark.parametrize("form", ["frame", "csv", "parquet"])
@pytest.mark.parametrize("name", ["log1p", "tf.math.log1p", "tf.log1p"])
def test_a_label_is_read_through_its_function(config, rows, tmp_path, form, name):
    settings = config("label_fields: 'spent' with_header: true", spent="STRING", n="FLOAT")
    settings.input_fields[0].user_define_fn = name
    settings.input_fields[1].user_define_fn = name  # It is no label.
    frame = pd.DataFrame({"spent": [0.5, 7.0, None], "n": [1.0, 2.0, 3.0]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    if form == "parquet":
        settings.input_type = settings.ParquetInputV2
    read = rows(open_source(settings, frame if form == "frame" else tmp_path / f"a.{form}"))
    np.testing.assert_allclose(read["spent"], np.log1p([0.5, 7.0, np.nan]), rtol=1e-6)
    assert read["n"] == [1.0, 2.0, 3.0]


def test_every_function_that_a_config_may_name_is_there():
    assert set(COMPUTED) == set(COLUMN_FUNCTIONS)


def test_a_last_smaller_batch_may_be_left_out(config):
    source = open_source(config("", n="INT32"), pd.DataFrame({"n": range(7)}))
    assert [len(each["n"]) for each in source.dataset(3, drop_remainder=True)] == [3, 3]
    assert [len(each["n"]) for each in source.dataset(3, epochs=2, drop_remainder=True)] == [3] * 4
