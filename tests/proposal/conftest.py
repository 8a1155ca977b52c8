"""A log with a column of every kind that a proposal tells apart."""

import numpy as np
import pandas as pd
import pytest

ROWS = 600


@pytest.fixture(scope="session")
def frame():
    random = np.random.default_rng(3)
    click = random.random(ROWS) < 0.4
    buy = click & (random.random(ROWS) < 0.3)
    categories = random.choice(["shoes", "hats", "bags", "coats"], ROWS)
    tags = [
        random.choice(list("abcdefg"), size=n, replace=False) for n in random.integers(0, 4, ROWS)
    ]
    history = [
        random.choice(["shoes", "hats", "bags"], size=n) for n in random.integers(0, 5, ROWS)
    ]
    price = np.exp(random.normal(3, 1.5, ROWS)).round(2)
    return pd.DataFrame(
        {
            "row": [f"r{row}" for row in range(ROWS)],
            "click": click.astype(int),
            "buy": buy.astype(int),
            "dwell": np.where(click, random.uniform(1, 9, ROWS).round(1), 0.0),
            "stars": random.integers(0, 4, ROWS),
            "user": [f"u{each}" for each in random.integers(200, size=ROWS)],
            "zip": [f"{each:05d}" for each in random.integers(700, 900, size=ROWS)],
            "member": random.choice(["true", "false"], ROWS),
            "hour": random.integers(0, 24, ROWS),
            "level": [str(each) if each else "" for each in random.integers(0, 5, ROWS)],
            "ctr": random.normal(0.5, 0.1, ROWS).round(4),
            "price": [f"{each}" if row % 9 else "" for row, each in enumerate(price)],
            "vector": ["|".join(f"{x:.2f}" for x in random.normal(size=3)) for _ in range(ROWS)],
            "tags": ["|".join(each) for each in tags],
            "tastes": ["|".join(f"{tag}:{len(tag) / 2}" for tag in each) for each in tags],
            "seen": [";".join(each) for each in history],
            "category": categories,
            "time": 1_700_000_000 + random.integers(0, 9_000_000, ROWS),
            "date": [f"2024-0{1 + row % 9}-11" for row in range(ROWS)],
            "empty": "",
            "version": "v1",
            "of two words": random.choice(["x", "y"], ROWS),
        }
    )


@pytest.fixture(scope="session")
def log(frame, tmp_path_factory):
    """The log as CSV."""
    path = tmp_path_factory.mktemp("log") / "log.csv"
    frame.to_csv(path, index=False)
    return path
