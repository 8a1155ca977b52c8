"""The programs that make the samples' data, run as users run them."""

import gzip
import pathlib
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from make_funnel_log import expected_auc

from tfmtl import config

pytestmark = pytest.mark.slow

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "samples"


def run(program, *arguments):
    command = [sys.executable, SAMPLES / program, *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def make(program, *arguments):
    done = run(program, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(name="log", scope="module")
def log_fixture(tmp_path_factory):
    """The folder of a small e-commerce log, its two tables, and what the program said."""
    folder = tmp_path_factory.mktemp("log")
    said = make("make_ecommerce_log.py", "--rows", 6000, "--output", folder)
    tables = [
        pd.read_csv(folder / name, keep_default_na=False, na_values={"price": [""]})
        for name in ("train.csv", "eval.csv")
    ]
    return folder, *tables, said


def test_the_last_tenth_of_the_log_is_for_evaluation(log):
    _, train, evaluation, _ = log
    assert (len(train), len(evaluation)) == (5400, 600)
    assert train["day"].is_monotonic_increasing
    assert train["day"].iloc[-1] <= evaluation["day"].iloc[0]


def test_only_what_was_clicked_is_bought_and_only_that_has_later_labels(log):
    _, train, _, _ = log
    assert set(train["click"]) == set(train["buy"]) == {0, 1}
    assert (train["buy"] <= train["click"]).all()
    assert ((train["log_dwell"] != "") == (train["click"] == 1)).all()
    assert ((train["satisfaction"] != "") == (train["buy"] == 1)).all()
    assert set(train["satisfaction"]) == {"", "0", "1", "2"}


def test_lists_are_lists(log):
    _, train, _, _ = log
    assert train["tags"].str.fullmatch(r"[a-z]+(\|[a-z]+)*").all()
    assert train["tastes"].str.fullmatch(r"(c[0-9]+:[0-9.]+(\|c[0-9]+:[0-9.]+)*)?").all()
    assert 0.01 < train["price"].isna().mean() < 0.05


def test_the_log_has_something_to_learn(log):
    *_, said = log
    facts = dict(line.strip().split(": ") for line in said.splitlines()[1:])
    assert 0.75 < float(facts["best AUC of click"]) < 0.85
    assert 0.7 < float(facts["best AUC of buy among clicks"]) < 0.85


def test_the_same_seed_makes_the_same_log_and_parts_share_out_its_rows(log, tmp_path):
    folder, *_ = log
    make("make_ecommerce_log.py", "--rows", 6000, "--output", tmp_path, "--parts", 3)
    assert (tmp_path / "eval.csv").read_bytes() == (folder / "eval.csv").read_bytes()
    parts = sorted(tmp_path.glob("train-*.csv"))
    assert [part.name for part in parts] == ["train-000.csv", "train-001.csv", "train-002.csv"]
    rows = "".join(part.read_text().split("\n", 1)[1] for part in parts)
    assert rows == (folder / "train.csv").read_text().split("\n", 1)[1]


def test_another_seed_makes_another_log(log, tmp_path):
    folder, *_ = log
    make("make_ecommerce_log.py", "--rows", 6000, "--output", tmp_path, "--seed", 8)
    assert (tmp_path / "eval.csv").read_bytes() != (folder / "eval.csv").read_bytes()


def test_taobao_shaped_rows_have_the_shape_of_easyrecs_samples(tmp_path):
    make("make_taobao_shaped.py", "--rows", 3000, "--output", tmp_path)
    tables = [
        pd.read_csv(tmp_path / name, header=None, dtype=str, keep_default_na=False)
        for name in ("train.csv", "eval.csv")
    ]
    assert [table.shape for table in tables] == [(2700, 20), (300, 20)]
    table = tables[0]
    assert set(table[0]) == set(table[1]) == {"0", "1"}
    assert table[0].astype(int).mean() > 0.05
    assert (table[1] <= table[0]).all()
    lists = [table[column].str.split("|") for column in (17, 18)]
    lengths = [column.map(len) for column in lists]
    assert (lengths[0] == lengths[1]).all()
    assert (lengths[0].min(), lengths[0].max()) == (1, 50)
    numbers = lists[0].explode().astype(int)
    assert 0 <= numbers.min() and numbers.max() < 100_000
    assert table[19].astype(int).between(0, 49).all()
    gaps = [column for column in table if (table[column] == "").any()]
    assert gaps == [7, 13, 16]


@pytest.mark.parametrize(
    "program", ["make_ecommerce_log.py", "make_funnel_log.py", "make_taobao_shaped.py"]
)
def test_too_few_rows_are_refused(program, tmp_path):
    done = run(program, "--rows", 1, "--output", tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("--rows should be at least 2. Received: 1.")


# The funnel.


def make_funnel(folder, correlation):
    """The two tables of a funnel log, and the facts that the program told, numbers by name."""
    options = ["--rows", 20_000, "--output", folder, "--correlation", correlation]
    said = make("make_funnel_log.py", *options)
    facts = dict(line.strip().split(": ") for line in said.splitlines()[1:])
    tables = [pd.read_csv(folder / name) for name in ("train.csv", "eval.csv")]
    return *tables, {name: float(fact.replace(",", "")) for name, fact in facts.items()}


@pytest.fixture(name="funnel", scope="module")
def funnel_fixture(tmp_path_factory):
    return make_funnel(tmp_path_factory.mktemp("funnel"), 0.6)


def assert_drawn(labels, probabilities):
    """The mean of the labels is that of their probabilities, within four of its deviations."""
    deviation = np.sqrt((probabilities * (1 - probabilities)).sum()) / len(labels)
    assert abs(labels.mean() - probabilities.mean()) < 4 * deviation


def test_what_happens_in_the_funnel_is_drawn_from_the_truth(funnel):
    train, evaluation, _ = funnel
    assert (len(train), len(evaluation)) == (18_000, 2_000)
    assert (train["cart"] <= train["click"]).all()
    assert (train["buy"] <= train["click"]).all()
    clicked = train[train["click"] == 1]
    assert_drawn(train["click"], train["true_pctr"])
    assert_drawn(clicked["cart"], clicked["true_pcart"])
    assert_drawn(clicked["buy"], clicked["true_pcvr"])
    assert_drawn(train["buy"], train["true_pctcvr"])
    carted = clicked[clicked["cart"] == 1]
    assert carted["buy"].mean() > 3 * clicked[clicked["cart"] == 0]["buy"].mean()


def test_the_product_of_the_funnel_is_true(funnel):
    for table in funnel[:2]:
        product = table["true_pctr"] * table["true_pcvr"]
        np.testing.assert_allclose(table["true_pctcvr"], product, rtol=1e-5)


def test_the_funnel_has_something_to_learn(funnel):
    *_, facts = funnel
    for name in ("click", "buy among clicks", "buy given click among all", "click and buy"):
        assert 0.75 < facts[f"best AUC of {name}"] < 0.95


def test_the_correlation_decides_what_is_clicked_of_what_sells(funnel, tmp_path):
    def bias(table):
        return table["true_pcvr"][table["click"] == 1].mean() / table["true_pcvr"].mean()

    against, without = (make_funnel(tmp_path, correlation)[0] for correlation in (-0.6, 0))
    assert bias(against) < 0.8 < bias(without) < 1.3 < 1.6 < bias(funnel[0])


def test_a_correlation_beyond_1_is_refused(tmp_path):
    done = run("make_funnel_log.py", "--correlation", 1.5, "--output", tmp_path)
    assert done.returncode == 2
    assert done.stderr.endswith("--correlation should be from -1 to 1. Received: 1.5.\n")


def test_the_expected_auc_counts_pairs_over_all_labels():
    rng = np.random.default_rng(1)
    scores, probabilities = rng.integers(0, 4, 9), rng.random(9)
    weights = rng.random(9)
    pairs = np.outer(weights * probabilities, weights * (1 - probabilities))
    np.fill_diagonal(pairs, 0)
    won = np.greater.outer(scores, scores) + np.equal.outer(scores, scores) / 2
    expected = (pairs * won).sum() / pairs.sum()
    assert expected_auc(scores, probabilities, weights) == pytest.approx(expected)
    labels = np.array([0, 1, 1, 0])
    assert expected_auc(np.array([0.1, 0.4, 0.3, 0.3]), labels) == 3.5 / 4
    assert np.isnan(expected_auc(scores, np.ones(9)))


# Census-Income.

EDUCATIONS = [
    "Children",
    "Bachelors degree(BA AB BS)",
    "Some college but no degree",
    "Masters degree",
]


def census_rows(count):
    """Rows of the published file's form; `age` numbers them."""
    rows = []
    for number in range(count):
        cells = ["?"] * 42
        cells[0], cells[4] = str(number), EDUCATIONS[number % 4]
        cells[7] = "Never married" if number % 3 else "Widowed"
        cells[24], cells[41] = "1700.09", "50000+." if number % 5 == 0 else "- 50000."
        rows.append(", ".join(cells))
    return "\n".join(rows) + "\n"


@pytest.fixture(name="census", scope="module")
def census_fixture(tmp_path_factory):
    """Prepares 100 rows: `prepare(group)` gives the three tables."""
    folder = tmp_path_factory.mktemp("census")
    (folder / "census.gz").write_bytes(gzip.compress(census_rows(100).encode()))

    def prepare(group):
        output = folder / str(group)
        arguments = ["--input", folder / "census.gz", "--output", output, "--group", group]
        make("census_income/prepare.py", *arguments)
        return [pd.read_csv(output / f"{name}.csv") for name in ("train", "valid", "test")]

    return prepare


def test_census_rows_are_split_by_the_permutation(census):
    order = np.random.default_rng(2018).permutation(100)
    expected = [order[:70], order[70:85], order[85:]]
    for table, ages in zip(census(1), expected, strict=True):
        assert table["age"].tolist() == ages.tolist()


def test_census_labels_are_made_and_their_columns_left_out(census):
    for table in census(1):
        assert list(table.columns[:3]) == ["income", "marital", "age"]
        assert (table["income"] == (table["age"] % 5 == 0)).all()
        assert (table["marital"] == (table["age"] % 3 != 0)).all()
        assert not {"income_50k", "marital_stat", "instance_weight"} & set(table.columns)
        assert "education" in table.columns


def test_the_second_group_of_census_labels_predicts_education(census):
    for table in census(2):
        assert list(table.columns[:3]) == ["education_college", "marital", "age"]
        assert (table["education_college"] == table["age"] % 2).all()
        assert not {"education", "marital_stat", "instance_weight"} & set(table.columns)
        assert "income_50k" in table.columns


def test_unknown_census_cells_stay_question_marks(census):
    assert set(census(1)[0]["mig_chg_msa"]) == {"?"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "INPUT: should be the Census-Income file. Received: .*No such file.*"),
        (b"1, 2\n", "INPUT:1: expected 42 columns. Received: 2. Get census-income.test.gz from .*"),
        (b"", "INPUT: should have 4 rows at least. Received: 0."),
        (b"\x1f\x8b\xff", "INPUT: should be the Census-Income file. Received: .*"),
    ],
)
def test_a_wrong_census_file_is_told_of_in_one_line(tmp_path, content, sentence):
    path = tmp_path / "census.txt"
    if content is not None:
        path.write_bytes(content)
    done = run("census_income/prepare.py", "--input", path, "--output", tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(sentence, line.replace(str(path), "INPUT")), line


def test_as_many_features_are_made_as_are_asked_for_and_their_config_is_good(tmp_path):
    make(
        "benchmark/make_features.py",
        *("--features", 7, "--width", 3, "--rows", 20, "--output", tmp_path / "some"),
    )
    pipeline = config.load(tmp_path / "some" / "features.config")
    assert [each.embedding_dim for each in pipeline.feature_config.features] == [3] * 7
    rows = pd.read_csv(tmp_path / "some" / "train.csv", header=None)
    assert rows.shape == (20, 2 + 7)
    assert rows.iloc[:, 2:].max(axis=None) < pipeline.feature_config.features[0].hash_bucket_size


def test_a_ranking_model_has_a_users_columns_and_candidates_and_its_config_is_good(tmp_path):
    make("benchmark/make_ranking.py", "--rows", 10, "--buckets", 50, "--output", tmp_path / "some")
    pipeline = config.load(tmp_path / "some" / "ranking.config")
    features = pipeline.feature_config.features
    assert len(config.user_columns(pipeline)) == 25 + 1
    assert len(features) == 25 + 1 + 8 + 10
    rows = pd.read_csv(tmp_path / "some" / "train.csv", header=None)
    assert rows.shape == (10, 2 + len(features))
    assert set(rows[2 + 25 + 8].str.count(r"\|")) == {50 - 1}
