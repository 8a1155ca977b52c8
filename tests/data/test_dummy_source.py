"""Made-up rows: constants of the declared types, as many as are asked for."""

import pytest

from tfmtl.data import open_source

DUMMY = "input_type: DummyInput batch_size: 3 label_fields: 'click' shuffle: false"


@pytest.fixture(name="source")
def source_fixture(config):
    settings = config(DUMMY, click="INT32 0", city="STRING", price="FLOAT 2.5", member="BOOL")
    return open_source(settings, "")


def test_a_cell_is_the_default_of_its_column_or_1(source):
    first = next(iter(source.dataset(2)))
    told = {name: values.numpy().tolist() for name, values in first.items()}
    assert told == {
        "click": [0.0, 0.0],
        "city": [b"1", b"1"],
        "price": [2.5, 2.5],
        "member": [True, True],
    }


def test_an_epoch_has_ten_batches_and_there_may_be_any_number(source):
    assert [len(batch["city"]) for batch in source.dataset(3, epochs=2)] == [3] * 20
    assert len(list(source.dataset(3, epochs=None).take(50))) == 50
