"""Samplers: how often rows appear, counted; and in which order, drawn anew in every epoch."""

import collections

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfmtl.data import build_sampler, open_source, translate_errors
from tfmtl.errors import DataError

ROWS = 700  # More than two of the chunks in which rows are judged.
OVER = "oversampling { label_name: 'buy' factor: 3 }"
UNDER = "undersampling { label_name: 'click' rate: 0.25 }"
REJECT = "rejection_sampling { label_name: 'click' propensity_name: 'pctr' min_propensity: 0.125 }"
ALL = [OVER, UNDER, REJECT]
KINDS = [text.split()[0] for text in ALL]
COLUMNS = {"click": "INT32", "buy": "INT32", "pctr": "FLOAT", "row": "INT32"}


@pytest.fixture(name="frame", scope="module")
def frame_fixture():
    """A log with a probability of its clicks. A buy without a click is not known."""
    rng = np.random.default_rng(3)
    pctr = rng.uniform(0.01, 0.9, ROWS).astype("float32")
    click = rng.random(ROWS) < pctr
    buy = pd.array(rng.random(ROWS) < 0.5, dtype="Int64")
    buy[~click] = pd.NA
    return pd.DataFrame({"click": click * 1, "buy": buy, "pctr": pctr, "row": np.arange(ROWS)})


@pytest.fixture(name="sources", params=["files", "frame"])
def sources_fixture(request, config, write, frame):
    """`open(text, frame)` gives a source of a frame, or of the files that it is written to."""

    def open_(text, frame=frame, columns=("row",)):
        declared = config(
            f"label_fields: ['click', 'buy'] shuffle_buffer_size: 900 {text}", **COLUMNS
        )
        data = frame
        if request.param == "files":
            half = len(frame) // 2
            data = write(
                {
                    "a.csv": frame[:half].to_csv(index=False, header=False),
                    "b.csv.gz": frame[half:].to_csv(index=False, header=False),
                }
            )
        return open_source(declared, data, columns, sampler=build_sampler(declared))

    return open_


def read(source, batch_size=64, **options):
    return [batch["row"].numpy().tolist() for batch in source.dataset(batch_size, **options)]


def counts(source, **options):
    """How often each row appears, `(rows,)`."""
    flat = [row for batch in read(source, **options) for row in batch]
    return np.bincount(flat, minlength=ROWS)


# How often.


@pytest.mark.parametrize("factor", [1, 3])
def test_oversampling_copies_the_positives(sources, frame, factor):
    expected = np.where(frame["buy"].fillna(0) > 0, factor, 1)
    source = sources(f"oversampling {{ label_name: 'buy' factor: {factor} }}")
    np.testing.assert_array_equal(counts(source), expected)
    np.testing.assert_array_equal(counts(source, epochs=2, shuffle=True), 2 * expected)


def test_undersampling_keeps_the_positives_and_a_share_of_the_others(sources, frame):
    click = frame["click"].to_numpy() > 0
    kept = counts(sources(UNDER), epochs=40)
    np.testing.assert_array_equal(kept[click], 40)
    others = kept[~click]
    # The mean of n draws of probability p is within four of its deviations.
    deviation = np.sqrt(0.25 * 0.75 / (40 * len(others)))
    assert abs(others.mean() / 40 - 0.25) < 4 * deviation
    assert others.min() > 0  # Every row has its turn.


def test_undersampling_at_0_leaves_the_positives_and_at_1_all_rows(sources, frame):
    at_0, at_1 = (UNDER.replace("0.25", rate) for rate in ("0", "1"))
    np.testing.assert_array_equal(counts(sources(at_0)), frame["click"])
    np.testing.assert_array_equal(counts(sources(at_1)), np.ones(ROWS))


def test_rejection_keeps_positives_by_the_inverse_of_their_propensity(sources, frame):
    epochs = 40
    kept = counts(sources(REJECT), epochs=epochs)
    click, pctr = frame["click"].to_numpy() > 0, frame["pctr"].to_numpy()
    assert not kept[~click].any()
    assert (kept[click & (pctr <= 0.125)] == epochs).all()
    accepted = 0.125 / np.maximum(pctr[click], 0.125)
    for bin_ in np.array_split(np.argsort(accepted), 4):
        expected, deviation = accepted[bin_].mean(), np.sqrt(0.25 / (epochs * len(bin_)))
        assert abs(kept[click][bin_].mean() / epochs - expected) < 4 * deviation


def test_rejected_clicks_are_distributed_as_all_impressions(sources):
    """p(row | clicked, accepted) = p(row): the mean of a column is that over all impressions."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=20_000)
    pctr = 0.1 + 0.8 / (1 + np.exp(-2 * x))
    click = rng.random(len(x)) < pctr
    numbered = pd.DataFrame({"click": click * 1, "buy": 0, "pctr": pctr, "row": np.arange(len(x))})
    rows = [row for batch in read(sources(REJECT, numbered)) for row in batch]
    assert x[click].mean() > 0.2
    assert abs(x[rows].mean() - x.mean()) < 4 / np.sqrt(len(rows))


def test_a_label_that_is_missing_is_none_that_happened(sources, frame):
    unknown = frame.assign(click=pd.array([pd.NA] * ROWS, dtype="Int64"))
    np.testing.assert_array_equal(counts(sources(OVER.replace("buy", "click"), unknown)), 1)
    assert 0 < counts(sources(UNDER, unknown)).sum() < ROWS / 2


def test_without_a_sampler_every_row_appears_once(sources):
    np.testing.assert_array_equal(counts(sources("")), np.ones(ROWS))


# In which order.


@pytest.mark.parametrize("text", ALL, ids=KINDS)
def test_the_same_seed_gives_the_same_rows(sources, text):
    options = {"shuffle": True, "epochs": 2}
    assert read(sources(text), seed=5, **options) == read(sources(text), seed=5, **options)
    assert read(sources(text), seed=5, **options) != read(sources(text), seed=6, **options)


@pytest.mark.parametrize("text", ALL[1:], ids=KINDS[1:])
def test_every_epoch_draws_anew(sources, text):
    rows = [row for batch in read(sources(text), epochs=2) for row in batch]
    second = next(place for place in range(1, len(rows)) if rows[place] < rows[place - 1])
    assert set(rows[:second]) != set(rows[second:])


@pytest.mark.parametrize("text", ALL, ids=KINDS)
def test_skipping_rows_leaves_the_later_batches_as_they_are(sources, text):
    options = {"batch_size": 64, "shuffle": True, "epochs": 3, "seed": 5}
    batches = read(sources(text), **options)
    place = len(batches) // 2  # In the second epoch.
    assert read(sources(text), skip_rows=64 * place, **options) == batches[place:]


def test_copies_do_not_stay_side_by_side(sources, frame):
    rows = [row for batch in read(sources(OVER), shuffle=True) for row in batch]
    beside = sum(one == other for one, other in zip(rows[:-1], rows[1:], strict=True))
    copied = int(frame["buy"].sum())
    assert len(rows) == ROWS + 2 * copied
    assert beside < copied / 10


# What is read.


def test_columns_of_the_sampler_are_read_without_being_asked_for(sources):
    assert [column.name for column in sources(REJECT).columns] == ["click", "pctr", "row"]
    assert [column.name for column in sources("").columns] == ["row"]


def test_data_that_is_not_trained_on_needs_no_propensity(config, rows, write):
    header = "with_header: true label_fields: ['click', 'buy']"
    declared = config(f"{header} {REJECT}", **COLUMNS)
    folder = write({"a.csv": "click,buy,row\n0,,1\n1,1,2\n"})
    source = open_source(declared, folder, ["click", "row"])
    assert rows(source) == {"click": [0.0, 1.0], "row": [1, 2]}
    to_predict_on = write({"a.csv": "row\n1\n2\n"})
    assert rows(open_source(declared, to_predict_on, labels_required=False)) == {"row": [1, 2]}


@pytest.mark.parametrize(
    ("value", "received"), [(0.0, "0"), (1.5, "1.5"), (-1.0, "-1"), (np.nan, "nothing")]
)
def test_a_propensity_that_is_none_is_an_error_with_its_row(sources, frame, value, received):
    place = frame.index[frame["click"] > 0][-1]
    bad = frame.copy()
    bad.loc[place, "pctr"] = value
    source = sources(REJECT, bad)
    with pytest.raises(DataError) as caught, translate_errors(source):
        read(source)
    assert str(caught.value).removeprefix(source.place(place)) == (
        ": column `pctr` should be above 0 and at most 1 where `click` is above 0. "
        f"Received: {received}. Fix it, or set `data_config.bad_rows: SKIP` to leave such rows out."
    )


def test_a_propensity_that_is_none_does_not_matter_without_a_click(sources, frame):
    bad = frame.assign(pctr=frame["pctr"].where(frame["click"] > 0, 7.0))
    np.testing.assert_array_equal(counts(sources(REJECT, bad)), counts(sources(REJECT)))


def test_rows_without_a_propensity_may_be_left_out(sources, frame):
    places = frame.index[frame["click"] > 0][[3, 5]]
    bad = frame.copy()
    bad.loc[places, "pctr"] = [np.nan, 2.0]
    source = sources(f"{REJECT} bad_rows: SKIP", bad)
    kept = counts(source, epochs=40)
    assert not kept[places].any() and kept.sum()
    assert source.skipped_rows == 80


def test_every_row_is_read_for_messages(sources):
    assert sum(len(batch) for batch in read(sources(REJECT), sampled=False)) == ROWS


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (UNDER.replace("0.25", "0"), "and others with probability 0"),
        (REJECT, "at random by their `pctr`"),
    ],
    ids=KINDS[1:],
)
def test_data_of_which_nothing_is_left_ends_and_says_why(sources, frame, text, rule):
    source = sources(text, frame.assign(click=0))
    assert read(source, epochs=None, shuffle=True) == []
    assert str(source.no_rows_error()) == (
        f"No row was left by `data_config.{text.split()[0]}`, which takes rows whose `click` is "
        f"above 0, {rule}."
    )


def test_bad_rows_are_told_of_where_nothing_is_left(config, write):
    declared = config(f"label_fields: 'click' bad_rows: SKIP {UNDER}", click="INT32", row="INT32")
    declared.undersampling.rate = 0
    folder = write({"a.csv": "0,1\n0,x\n"})
    source = open_source(declared, folder, sampler=build_sampler(declared))
    assert read(source) == []
    assert str(source.no_rows_error()).startswith(
        "No row was left by `data_config.undersampling`, which takes rows whose `click` is above "
        f"0, and others with probability 0. Others were bad. The first: {folder}/a.csv:2: "
    )


def test_files_of_different_orders_are_sampled_alike(config, write):
    declared = config(f"with_header: true label_fields: 'buy' {OVER}", row="INT32", buy="INT32")
    folder = write({"a.csv": "row,buy\n1,1\n2,0\n", "b.csv": "buy,row\n1,3\n0,4\n"})
    source = open_source(declared, folder, sampler=build_sampler(declared))
    counted = collections.Counter(row for batch in read(source, shuffle=True) for row in batch)
    assert counted == {1: 3, 2: 1, 3: 3, 4: 1}


@pytest.mark.slow
def test_a_bad_row_is_told_of_as_without_a_sampler(config, write):
    declared = config(f"label_fields: 'buy' {OVER}", row="INT32", buy="INT32")
    source = open_source(declared, write({"a.csv": "1,1\n2,x\n"}), sampler=build_sampler(declared))
    with pytest.raises(DataError, match=r"a.csv:2: column `buy` should be an INT32"):
        with translate_errors(source):
            read(source)


def test_larger_draws_never_make_more_copies(config, frame):
    columns = {
        name: tf.constant(frame[name].fillna(np.nan).astype("float32"))
        for name in ("click", "buy", "pctr")
    }
    for text in ALL:
        sampler = build_sampler(config(text))
        most = sampler.copies(columns, tf.zeros(ROWS)).numpy()
        assert most.max() == sampler.most_copies
        assert (sampler.copies(columns, tf.fill([ROWS], 0.999)).numpy() <= most).all()
