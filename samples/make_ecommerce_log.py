"""Makes an e-commerce log: impressions of items, what users clicked, and what they then bought.

    python samples/make_ecommerce_log.py --rows 1000000 --output data/ecommerce --seed 7

writes `train.csv` and `eval.csv`, with headers, into the output folder. Rows are ordered by time,
and the last tenth of them is the evaluation file. The columns:

    labels    click (0 or 1)
              buy (0 or 1; only what is clicked can be bought)
              cart (0 or 1; only what is clicked can be put there, and most of what is bought was)
              log_dwell (log of the seconds spent on a clicked item; empty without a click)
              satisfaction (0, 1 or 2 for what was bought; empty otherwise)
              spent (the price of what was bought; 0 otherwise)
    user      user_id, gender, age_level, city
              tags (interests: `hiking|jazz`)
              tastes (categories with weights: `c3:0.75|c11:0.2`; may be empty)
              clicked (categories of the last items clicked before, the latest first; may be empty)
    item      item_id, category, brand, price (now and then empty)
    context   day, hour, position, scene

There is something to learn: users have tastes and items have styles, which their columns betray.
Clicks follow how well the two match and how an item looks; purchases follow a related match, its
quality and its price. The best possible AUC of both is printed at the end.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import sys

import numpy as np
import pyarrow as pa
from pyarrow import csv

USERS = 20_000
ITEMS = 3_000
CATEGORIES = 20
BRANDS = 80
CITIES = 30
DAYS = 10
POSITIONS = 10
REMEMBERED = 10  # Clicks.
HIDDEN = 6  # Dimensions of tastes and styles.
GENDERS = ("female", "male", "")
SCENES = ("home", "search", "cart", "mail")
TAGS = (
    "art baking beauty camping cars chess cinema coffee comics cycling dance fashion fishing "
    "gaming gardens hiking horses jazz knitting pets photo poetry running sailing ski tech travel "
    "vinyl wine yoga"
).split()
# No cell holds a separator or a quote, so that none needs quotes.
UNQUOTED = csv.WriteOptions(include_header=False, quoting_style="none")


@dataclasses.dataclass(frozen=True)
class Users:
    """The users: their columns, and what the columns only betray.

    Attributes:
        columns: `{column: (users,)}`.
        tastes: What they like, `(users, hidden)`.
        budgets: The log of the price that they are used to, `(users,)`.
        moods: How readily they click, `(users,)`.
    """

    columns: dict[str, pa.Array]
    tastes: np.ndarray
    budgets: np.ndarray
    moods: np.ndarray


@dataclasses.dataclass(frozen=True)
class Items:
    """The items: their columns, and what the columns only betray.

    Attributes:
        columns: `{column: (items,)}`.
        styles: What they are like, `(items, hidden)`.
        log_prices: `(items,)`.
        looks: How attractive they look, `(items,)`.
        quality: How good they are, `(items,)`.
    """

    columns: dict[str, pa.Array]
    styles: np.ndarray
    log_prices: np.ndarray
    looks: np.ndarray
    quality: np.ndarray


@dataclasses.dataclass(frozen=True)
class Impressions:
    """Who saw what, and where; each `(rows,)`, ordered by time."""

    user: np.ndarray
    item: np.ndarray
    seconds: np.ndarray
    position: np.ndarray
    scene: np.ndarray


def make_users(rng: np.random.Generator, category_styles: np.ndarray) -> Users:
    """Makes users whose tastes follow from their tags, weights, gender and age."""
    gender, age = rng.integers(0, len(GENDERS), USERS), rng.integers(0, 7, USERS)
    city = pick(rng, CITIES, USERS)
    has_tag = rng.random((USERS, len(TAGS))) < 0.1
    has_tag[np.arange(USERS), rng.integers(0, len(TAGS), USERS)] = True  # At least one.
    weights = rng.random((USERS, CATEGORIES)).round(2) * (rng.random((USERS, CATEGORIES)) < 0.12)
    tastes = (
        has_tag @ rng.normal(size=(len(TAGS), HIDDEN)) / np.sqrt(has_tag.sum(1, keepdims=True))
        + weights @ category_styles
        + 0.5 * rng.normal(size=(len(GENDERS), HIDDEN))[gender]
        + 0.5 * rng.normal(size=(7, HIDDEN))[age]
    )
    columns = {
        "user_id": pa.array([f"u{user}" for user in range(USERS)]),
        "gender": pa.array(GENDERS).take(pa.array(gender)),
        "age_level": pa.array(age + 1),
        "city": pa.array([f"city{place}" for place in city]),
        "tags": pa.array(["|".join(np.array(TAGS)[row]) for row in has_tag]),
        "tastes": pa.array([join_weights(row) for row in weights]),
    }
    budgets = 3.0 + 0.1 * age + 0.3 * rng.normal(size=CITIES)[city]
    return Users(columns, tastes, budgets, moods=0.3 * rng.normal(size=USERS))


def make_items(rng: np.random.Generator, category_styles: np.ndarray) -> Items:
    """Makes items; a brand has a style and a quality, and sells in four categories."""
    brand = pick(rng, BRANDS, ITEMS)
    category = (brand * 7 + rng.integers(0, 4, ITEMS)) % CATEGORIES
    quality = rng.normal(size=BRANDS)[brand] + 0.4 * rng.normal(size=ITEMS)
    columns = {
        "item_id": pa.array([f"i{item}" for item in range(ITEMS)]),
        "category": pa.array([f"c{number}" for number in category]),
        "brand": pa.array([f"b{number}" for number in brand]),
    }
    return Items(
        columns,
        styles=category_styles[category] + 0.6 * rng.normal(size=(BRANDS, HIDDEN))[brand],
        log_prices=3.0 + rng.normal(size=CATEGORIES)[category] / 2 + 0.3 * rng.normal(size=ITEMS),
        looks=rng.normal(size=CATEGORIES)[category] + rng.normal(size=ITEMS),
        quality=quality,
    )


def make_impressions(rng: np.random.Generator, rows: int) -> Impressions:
    """Decides who sees what, when and where."""
    return Impressions(
        user=pick(rng, USERS, rows),
        item=pick(rng, ITEMS, rows),
        seconds=np.sort(rng.integers(0, DAYS * 24 * 3600, rows)),
        position=rng.integers(1, POSITIONS + 1, rows),
        scene=pick(rng, len(SCENES), rows),
    )


def score(users: Users, items: Items, seen: Impressions) -> tuple[np.ndarray, np.ndarray]:
    """The logits of a click, and of a purchase after a click; each `(rows,)`."""
    agreement = users.tastes[seen.user] * items.styles[seen.item]
    match = standardize(agreement.sum(axis=1))
    # A click cares for all hidden dimensions, a purchase for half of them.
    buy_match = standardize(agreement[:, : HIDDEN // 2].sum(axis=1))
    expensive = items.log_prices[seen.item] - users.budgets[seen.user]
    evening = np.cos((seen.seconds / 3600 - 20) * 2 * np.pi / 24)
    scene_clicks, scene_buys = np.array([-0.2, 0.5, 0.1, -0.6]), np.array([-0.2, 0.1, 0.9, -0.3])
    click = (
        -1.7
        + 0.9 * match
        + 0.55 * items.looks[seen.item]
        + users.moods[seen.user]
        - 0.15 * (seen.position - POSITIONS / 2)
        + 0.2 * evening
        + scene_clicks[seen.scene]
    )
    buy = (
        -1.6
        + 0.7 * buy_match
        + 0.6 * items.quality[seen.item]
        - 1.0 * expensive
        + scene_buys[seen.scene]
    )
    return click, buy


def make_log(rows: int, seed: int) -> tuple[pa.Table, dict[str, float]]:
    """Makes the log, ordered by time, and tells what there is to learn in it.

    Users and items depend on the seed only, so that logs of all lengths are of the same world.
    """
    world, rng = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    category_styles = world.normal(size=(CATEGORIES, HIDDEN))
    users, items = make_users(world, category_styles), make_items(world, category_styles)
    seen = make_impressions(rng, rows)
    click_logit, buy_logit = score(users, items, seen)
    click = rng.random(rows) < sigmoid(click_logit)
    buy = click & (rng.random(rows) < sigmoid(buy_logit))
    labels = {
        "click": pa.array(click.astype(np.int8)),
        "buy": pa.array(buy.astype(np.int8)),
        **make_aftermath(rng, click, buy, click_logit, items.quality[seen.item] + buy_logit),
        "spent": pa.array(np.where(buy, show_prices(items)[seen.item], 0.0)),
        "cart": make_carts(np.random.default_rng([seed, 2]), click, buy, buy_logit),
    }
    shown = show(rng, users, items, seen)
    history = {"clicked": remember(seen.user, shown["category"], click)}
    columns = {**labels, **shown, **history}
    facts = {
        "rows": rows,
        "clicks per impression": click.mean(),
        "purchases per click": buy.sum() / max(1, click.sum()),
        "best AUC of click": auc(click_logit, click),
        "best AUC of buy among clicks": auc(buy_logit[click], buy[click]),
    }
    return pa.table(columns), facts


def make_aftermath(
    rng: np.random.Generator,
    click: np.ndarray,
    buy: np.ndarray,
    interest: np.ndarray,
    delight: np.ndarray,
) -> dict[str, pa.Array]:
    """The labels that only clicked or bought items have."""
    log_dwell = 3.0 + 0.5 * interest + 0.6 * rng.normal(size=len(click))
    feeling = delight + rng.normal(size=len(click))
    satisfaction = (feeling > -0.5).astype(np.int8) + (feeling > 1.5)
    return {
        "log_dwell": pa.array(np.maximum(log_dwell, 0).round(3), mask=~click),
        "satisfaction": pa.array(satisfaction, mask=~buy),
    }


def make_carts(
    rng: np.random.Generator, click: np.ndarray, buy: np.ndarray, interest: np.ndarray
) -> pa.Array:
    """What was put into the cart: four fifths of what was bought, and some that was not."""
    probability = np.where(buy, 0.8, 0.5 * sigmoid(interest))
    return pa.array((click & (rng.random(len(click)) < probability)).astype(np.int8))


def remember(user: np.ndarray, category: pa.Array, click: np.ndarray) -> pa.Array:
    """The categories that each row's user clicked last before it, of the log's rows in order."""
    last: dict[int, list[str]] = {}
    cells = []
    for who, what, clicked in zip(user.tolist(), category.to_pylist(), click.tolist(), strict=True):
        known = last.setdefault(who, [])
        cells.append("|".join(known))
        if clicked:
            last[who] = [what, *known][:REMEMBERED]
    return pa.array(cells)


def show(
    rng: np.random.Generator, users: Users, items: Items, seen: Impressions
) -> dict[str, pa.Array]:
    """The columns of features."""
    user, item = pa.array(seen.user), pa.array(seen.item)
    prices = show_prices(items)[seen.item]
    return {
        **{name: column.take(user) for name, column in users.columns.items()},
        **{name: column.take(item) for name, column in items.columns.items()},
        "price": pa.array(prices, mask=rng.random(len(prices)) < 0.03),
        "day": pa.array(seen.seconds // (24 * 3600)),
        "hour": pa.array(seen.seconds // 3600 % 24),
        "position": pa.array(seen.position),
        "scene": pa.array(SCENES).take(pa.array(seen.scene)),
    }


def show_prices(items: Items) -> np.ndarray:
    """What the items cost, `(items,)`."""
    return np.exp(items.log_prices).round(2)


def pick(rng: np.random.Generator, choices: int, count: int) -> np.ndarray:
    """Picks numbers below `choices`; low ones often, as few users and items make most of a log."""
    return (choices * rng.random(count) ** 1.7).astype(np.int64)


def join_weights(weights: np.ndarray) -> str:
    """The categories that have a weight, as `c3:0.75|c11:0.2`."""
    return "|".join(f"c{number}:{weights[number]:g}" for number in np.flatnonzero(weights))


def standardize(values: np.ndarray) -> np.ndarray:
    """The same with mean 0 and deviation 1."""
    return (values - values.mean()) / max(values.std(), 1e-9)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits."""
    return 1.0 / (1.0 + np.exp(-logits))


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """The probability that a positive's score is above a negative's; there are no ties here."""
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = np.arange(1, len(scores) + 1)
    positives = labels.sum()
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    return (ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives)


def write_log(table: pa.Table, folder: pathlib.Path, parts: int) -> list[pathlib.Path]:
    """Writes the last tenth of the rows to `eval.csv` and the others to `train.csv`, or parts."""
    folder.mkdir(parents=True, exist_ok=True)
    train_rows = table.num_rows - max(1, table.num_rows // 10)
    names = ["train.csv"] if parts == 1 else [f"train-{part:03d}.csv" for part in range(parts)]
    bounds = [train_rows * part // parts for part in range(parts + 1)] + [table.num_rows]
    paths = [folder / name for name in [*names, "eval.csv"]]
    for path, start, stop in zip(paths, bounds[:-1], bounds[1:], strict=True):
        with path.open("wb") as file:
            file.write(",".join(table.column_names).encode() + b"\n")
            csv.write_csv(table.slice(start, stop - start), file, UNQUOTED)
    return paths


def main() -> int:
    """Makes and writes the log that the command line asks for."""
    parser = argparse.ArgumentParser(description="Makes an e-commerce log to learn from.")
    parser.add_argument(
        "--rows", type=int, default=300_000, help="impressions, both files together"
    )
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("data/ecommerce"))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--parts", type=int, default=1, help="files to split the training rows into"
    )
    options = parser.parse_args()
    if options.parts < 1 or options.rows < 2 * options.parts:
        parser.error(f"--rows should be at least {2 * options.parts}. Received: {options.rows}.")
    table, facts = make_log(options.rows, options.seed)
    paths = write_log(table, options.output, options.parts)
    print("Wrote", ", ".join(str(path) for path in paths))
    for name, value in facts.items():
        print(f"  {name}: {value:,.3f}" if isinstance(value, float) else f"  {name}: {value:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
