"""Prepares the Census-Income (KDD) set, on which the MMoE paper predicts two tasks at once.

    python samples/census_income/prepare.py --input census-income.test.gz --output data/census

The set is UCI's number 117 (https://archive.ics.uci.edu/dataset/117, licence CC BY 4.0). Download
and unpack it until there is `census-income.test.gz`: 99,762 rows of 42 columns, without a header.

Writes `train.csv`, `valid.csv` and `test.csv`, with headers: 70, 15 and 15 % of the rows, in the
order of `numpy.random.default_rng(2018).permutation(rows)`. Cells are what they were, unknown ones
(`?`) too, without the spaces around them. The columns are the labels, then the features:

    --group 1   income (more than 50,000) and marital (never married)
    --group 2   education_college (a bachelor's degree at least) and marital

A column that a label is made of is left out, and so is `instance_weight`, a survey weight.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import pathlib
import sys
from collections.abc import Callable, Sequence

import numpy as np

COLUMNS = (
    "age class_worker det_ind_code det_occ_code education wage_per_hour hs_college marital_stat "
    "major_ind_code major_occ_code race hisp_origin sex union_member unemp_reason "
    "full_or_part_emp capital_gains capital_losses stock_dividends tax_filer_stat "
    "region_prev_res state_prev_res det_hh_fam_stat det_hh_summ instance_weight mig_chg_msa "
    "mig_chg_reg mig_move_reg mig_same mig_prev_sunbelt num_emp fam_under_18 country_father "
    "country_mother country_self citizenship own_or_self vet_question vet_benefits weeks_worked "
    "year income_50k"
).split()
COLLEGE = ("Bachelors", "Masters", "Prof school", "Doctorate")
# Label: the column that it is made of, and what makes it 1.
LABELS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "income": ("income_50k", lambda cell: cell == "50000+."),
    "marital": ("marital_stat", lambda cell: cell == "Never married"),
    "education_college": ("education", lambda cell: cell.startswith(COLLEGE)),
}
GROUPS = {1: ("income", "marital"), 2: ("education_college", "marital")}
SPLIT_SEED = 2018
LEAST_ROWS = 4  # So that each of the three files has one.

Row = dict[str, str]


class InputError(Exception):
    """The input is not the Census-Income set."""


def read_rows(path: pathlib.Path) -> list[Row]:
    """Reads the rows of the published file, gzipped or not.

    Raises:
        InputError: If it cannot be read, has too few rows, or a row has other columns.
    """
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            rows = [[cell.strip() for cell in line] for line in csv.reader(file)]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: should be the Census-Income file. Received: {error}.") from error
    for number, row in enumerate(rows, start=1):
        if len(row) != len(COLUMNS):
            raise InputError(
                f"{path}:{number}: expected {len(COLUMNS)} columns. Received: {len(row)}. "
                "Get census-income.test.gz from https://archive.ics.uci.edu/dataset/117."
            )
    if len(rows) < LEAST_ROWS:
        raise InputError(f"{path}: should have {LEAST_ROWS} rows at least. Received: {len(rows)}.")
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def with_labels(row: Row, labels: Sequence[str]) -> Row:
    """A row with these labels in front, and without the columns that they are made of."""
    sources = [LABELS[label][0] for label in labels]
    made = {label: str(int(is_one(row[source]))) for label, (source, is_one) in LABELS.items()}
    return {
        **{label: made[label] for label in labels},
        **{
            name: cell
            for name, cell in row.items()
            if name not in sources and name != "instance_weight"
        },
    }


def split(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows by file: 70 % train, 15 % valid, 15 % test."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(rows))
    parts = np.split(order, [int(0.7 * len(rows)), int(0.85 * len(rows))])
    names = ("train.csv", "valid.csv", "test.csv")
    return {name: [rows[place] for place in part] for name, part in zip(names, parts, strict=True)}


def write_rows(path: pathlib.Path, rows: Sequence[Row]) -> None:
    """Writes rows with a header."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def prepare(source: pathlib.Path, folder: pathlib.Path, group: int) -> None:
    """Reads, labels, splits and writes the rows."""
    rows = [with_labels(row, GROUPS[group]) for row in read_rows(source)]
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in split(rows).items():
        write_rows(folder / name, part)
        shares = [
            f"{label} {np.mean([row[label] == '1' for row in part]):.2%}" for label in GROUPS[group]
        ]
        print(f"Wrote {folder / name}: {len(part):,} rows, {', '.join(shares)}")


def main() -> int:
    """Prepares the set as the command line says."""
    parser = argparse.ArgumentParser(description="Prepares the Census-Income (KDD) set.")
    parser.add_argument("--input", type=pathlib.Path, required=True, help="census-income.test.gz")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("data/census"))
    parser.add_argument("--group", type=int, choices=sorted(GROUPS), default=1)
    options = parser.parse_args()
    try:
        prepare(options.input, options.output, options.group)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
