"""The Census-Income experiment, run as users run it, on a small file of the set's form."""

import gzip
import pathlib
import subprocess
import sys

import census_income as census
import numpy as np
import pandas as pd
import pytest

import tfmtl
from tfmtl.training.build import build_model

pytestmark = pytest.mark.slow

PAPERS = pathlib.Path(__file__).resolve().parents[2] / "samples" / "papers"
EDUCATIONS = ["Children", "Masters degree(MA MS MEng MEd MSW MBA)"]


def census_rows(count):
    """Rows of the published file's form: 42 columns, all but the age and the labels' are 0."""
    draw = np.random.default_rng(5)
    ages, labels = draw.integers(90, size=count), draw.integers(2, size=(count, 3))
    for age, (rich, never_wed, educated) in zip(ages, labels, strict=True):
        cells = ["0"] * 42
        cells[0], cells[4] = str(age), EDUCATIONS[educated]
        cells[7] = "Never married" if never_wed else "Widowed"
        cells[41] = "50000+." if rich else "- 50000."
        yield ", ".join(cells)


def run(source, output, *arguments):
    command = [sys.executable, PAPERS / "census_income.py", "--setting", "tiny"]
    options = ["--input", source, "--output", output, *arguments]
    return subprocess.run(list(map(str, [*command, *options])), capture_output=True, text=True)


def test_two_architectures_end_in_tables_and_a_picture(tmp_path):
    source = tmp_path / "census.gz"
    source.write_bytes(gzip.compress("\n".join(census_rows(200)).encode()))
    names = ["mmoe", "ple"]
    done = run(source, tmp_path / "results", "--architectures", *names)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "results" / "census_income.csv")
    columns = ["group 1: income", "group 1: marital"]
    columns += ["group 2: education_college", "group 2: marital"]
    assert set(zip(table["architecture"], table["column"], strict=True)) == {
        (name, column) for name in names for column in columns
    }
    assert table["mean"].between(0, 1).all() and (table["std"] >= 0).all()
    assert (table["runs"] == 2).all()
    text = (tmp_path / "results" / "census_income.md").read_text()
    assert text.splitlines()[0] == f"| architecture | {' | '.join(columns)} |"
    assert text in done.stdout
    sizes = pd.read_csv(tmp_path / "results" / "census_income_sizes.csv", index_col=[0, 1])["mean"]
    assert sizes["mmoe", "width"] == 16
    assert abs(sizes["ple", "parameters"] / sizes["mmoe", "parameters"] - 1) < 0.03
    assert (tmp_path / "results" / "census_income.png").read_bytes().startswith(b"\x89PNG")


def test_another_file_is_told_of_in_one_line(tmp_path):
    source = tmp_path / "census.txt"
    source.write_text("1, 2\n")
    done = run(source, tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"{source}:1: expected 42 columns. Received: 2.")


def test_sizes_are_those_of_the_models_and_about_equal():
    inputs = census.feature_width()
    sizes = []
    for name, architecture in census.ARCHITECTURES.items():
        width = architecture.equal_width(inputs)
        sizes.append(architecture.num_parameters(inputs, width))
        message = architecture.message(width, ["income", "marital"])
        _, model = build_model(tfmtl.load_config(census.CONFIG, {f"model_config.{name}": message}))
        assert sizes[-1] == count(model.network.trainable_weights) - count(
            model.embedding_variables()
        ), name
    assert max(sizes) / min(sizes) < 1.03


def count(variables):
    return sum(variable.shape.num_elements() for variable in variables)
