"""Makes a log of a funnel whose probabilities are known: impression, click, cart, purchase.

    python samples/make_funnel_log.py --rows 300000 --output data/funnel --seed 7 --correlation 0.6

writes `train.csv` and `eval.csv`, with headers, into the output folder; the last tenth of the rows
is the evaluation file. The columns:

    labels    click, cart, buy (0 or 1; only what is clicked is put into the cart or bought)
    truth     true_pctr = p(click), true_pcart = p(cart given click),
              true_pcvr = p(buy given click), which is pcart·p(buy given click and cart)
              + (1 − pcart)·p(buy given click and no cart), and true_pctcvr = pctr·pcvr
    user      user_id, age_level, city
    item      item_id, category, brand
    context   hour, position, scene

The truth is there for every row, clicked or not, which no real log can offer: so it can be measured
how well a model knows what would be bought if it were clicked. A user and an item have hidden
factors, and their columns tell which user, which item. Two scores follow from them, of interest and
of need, each with mean 0 and deviation 1 and independent of the other. Clicks follow interest.
Carts and purchases follow `correlation`·interest + √(1 − correlation²)·need: with a correlation
what is clicked is also what sells, and clicked rows do not stand for all rows.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import sys

import numpy as np
import pyarrow as pa
from make_ecommerce_log import pick, sigmoid, standardize, write_log

USERS = 3_000
ITEMS = 800
AGES = 7
CITIES = 30
CATEGORIES = 20
BRANDS = 80
POSITIONS = 10
SCENES = ("home", "search", "cart", "mail")
HIDDEN = 3  # Factors of a user and of an item, in each of the two scores.
SCORES = 2  # Interest and need.


@dataclasses.dataclass(frozen=True)
class Members:
    """The users or the items: their columns, and what the columns only betray.

    Attributes:
        columns: `{column: (members,)}`.
        factors: What meets the other side's in a product, `(members, scores, hidden)`.
        levels: What counts whoever meets, `(members, scores)`.
    """

    columns: dict[str, pa.Array]
    factors: np.ndarray
    levels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Truth:
    """The probabilities of the steps after an impression, `(rows,)` each."""

    click: np.ndarray
    cart: np.ndarray
    buy_from_cart: np.ndarray
    buy_without_cart: np.ndarray

    @property
    def buy(self) -> np.ndarray:
        """p(buy given click)."""
        return self.cart * self.buy_from_cart + (1 - self.cart) * self.buy_without_cart


def make_members(
    rng: np.random.Generator, count: int, prefix: str, groups: dict[str, np.ndarray]
) -> Members:
    """Makes users or items, whose factors follow from their groups and, by half, from themselves.

    Args:
        rng: Draws them.
        count: How many.
        prefix: What their ids begin with.
        groups: The number of each one's group by column, `(count,)` each.
    """
    factors = 0.5 * rng.normal(size=(count, SCORES, HIDDEN))
    levels = 0.5 * rng.normal(size=(count, SCORES))
    for group in groups.values():
        factors += rng.normal(size=(group.max() + 1, SCORES, HIDDEN))[group]
        levels += rng.normal(size=(group.max() + 1, SCORES))[group]
    columns = {
        f"{prefix}_id": pa.array([f"{prefix[0]}{number}" for number in range(count)]),
        **{
            name: pa.array([f"{name[0]}{number}" for number in group])
            for name, group in groups.items()
        },
    }
    return Members(columns, factors, levels)


def make_truth(
    users: Members,
    items: Members,
    user: np.ndarray,
    item: np.ndarray,
    context: dict[str, np.ndarray],
    correlation: float,
) -> Truth:
    """The probabilities of every impression, of a user and an item in a context."""
    products = (users.factors[user] * items.factors[item]).sum(axis=2)
    levels = users.levels[user] + items.levels[item]
    interest, need = (
        standardize(standardize(products[:, score]) + standardize(levels[:, score]))
        for score in range(SCORES)
    )
    # What need has in common with interest by chance goes, so that the correlation is exact.
    need = standardize(need - (need @ interest) / len(interest) * interest)
    want = correlation * interest + np.sqrt(1 - correlation**2) * need
    evening = np.cos((context["hour"] - 20) * 2 * np.pi / 24)
    scene_clicks = np.array([-0.2, 0.5, 0.1, -0.6])[context["scene"]]
    scene_buys = np.array([-0.3, 0.1, 0.8, -0.4])[context["scene"]]
    return Truth(
        click=sigmoid(
            -2.9 + 1.5 * interest - 0.1 * context["position"] + 0.2 * evening + scene_clicks
        ),
        cart=sigmoid(-1.9 + 1.3 * want + 0.3 * evening),
        buy_from_cart=sigmoid(-1.2 + 0.8 * want + scene_buys),
        buy_without_cart=sigmoid(-5.0 + 1.2 * want + scene_buys),
    )


def make_log(rows: int, seed: int, correlation: float) -> tuple[pa.Table, dict[str, float]]:
    """Makes the log and tells what there is to learn in it.

    Users and items depend on the seed only, so that logs of all lengths are of the same world.
    """
    world, rng = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    users = make_members(
        world,
        USERS,
        "user",
        {"age_level": world.integers(0, AGES, USERS), "city": pick(world, CITIES, USERS)},
    )
    brand = pick(world, BRANDS, ITEMS)
    # A brand sells in four categories.
    category = (brand * 7 + world.integers(0, 4, ITEMS)) % CATEGORIES
    items = make_members(world, ITEMS, "item", {"category": category, "brand": brand})
    user, item = pick(rng, USERS, rows), pick(rng, ITEMS, rows)
    context = {
        "hour": rng.integers(0, 24, rows),
        "position": rng.integers(1, POSITIONS + 1, rows),
        "scene": pick(rng, len(SCENES), rows),
    }
    truth = make_truth(users, items, user, item, context, correlation)
    labels = draw_labels(rng, truth)
    columns = {
        **{name: pa.array(label.astype(np.int8)) for name, label in labels.items()},
        "true_pctr": as_floats(truth.click),
        "true_pcart": as_floats(truth.cart),
        "true_pcvr": as_floats(truth.buy),
        "true_pctcvr": as_floats(truth.click * truth.buy),
        **{name: column.take(pa.array(user)) for name, column in users.columns.items()},
        **{name: column.take(pa.array(item)) for name, column in items.columns.items()},
        "hour": pa.array(context["hour"]),
        "position": pa.array(context["position"]),
        "scene": pa.array(SCENES).take(pa.array(context["scene"])),
    }
    return pa.table(columns), tell(truth, labels)


def draw_labels(rng: np.random.Generator, truth: Truth) -> dict[str, np.ndarray]:
    """Draws what happened: `click`, `cart` and `buy`, truth values of `(rows,)` each."""
    click, cart, buy = rng.random((3, len(truth.click)))
    clicked = click < truth.click
    carted = clicked & (cart < truth.cart)
    bought = clicked & (buy < np.where(carted, truth.buy_from_cart, truth.buy_without_cart))
    return {"click": clicked, "cart": carted, "buy": bought}


def tell(truth: Truth, labels: dict[str, np.ndarray]) -> dict[str, float]:
    """What there is to learn, and how far clicked rows are from all rows."""
    click, clicks = labels["click"], max(1, labels["click"].sum())
    return {
        "rows": len(click),
        "clicks per impression": click.mean(),
        "carts per click": labels["cart"].sum() / clicks,
        "purchases per click": labels["buy"].sum() / clicks,
        "true pCVR of all impressions": truth.buy.mean(),
        "best AUC of click": expected_auc(truth.click, truth.click),
        "best AUC of buy among clicks": expected_auc(truth.buy, truth.buy, truth.click),
        "best AUC of buy given click among all": expected_auc(truth.buy, truth.buy),
        "best AUC of click and buy": expected_auc(truth.click * truth.buy, truth.click * truth.buy),
    }


def expected_auc(
    scores: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """The AUC over all labels that might be drawn: of 0 and 1 themselves it is the usual AUC.

    Σ wᵢ·pᵢ·wⱼ·(1 − pⱼ)·[sᵢ > sⱼ] / Σ wᵢ·pᵢ·wⱼ·(1 − pⱼ) over i ≠ j; equal scores count a half.

    Args:
        scores: What the rows are ordered by, `(rows,)`.
        probabilities: Of label 1, `(rows,)`.
        weights: Of the rows, `(rows,)`. None weighs them alike.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    _, level = np.unique(scores, return_inverse=True)
    positives = np.bincount(level, weights * probabilities)
    negatives = np.bincount(level, weights * (1 - probabilities))
    below = np.cumsum(negatives) - negatives
    itself = (weights**2 * probabilities * (1 - probabilities)).sum()
    pairs = positives.sum() * negatives.sum() - itself
    won = (positives * (below + negatives / 2)).sum() - itself / 2
    return won / pairs if pairs > 0 else float("nan")


def as_floats(probabilities: np.ndarray) -> pa.Array:
    """Probabilities with the digits that float32 has."""
    return pa.array(probabilities.astype(np.float32))


def main() -> int:
    """Makes and writes the log that the command line asks for."""
    parser = argparse.ArgumentParser(description="Makes a log of a funnel with a known truth.")
    parser.add_argument(
        "--rows", type=int, default=300_000, help="impressions, both files together"
    )
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("data/funnel"))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--correlation", type=float, default=0.6, help="of what is clicked with what is bought"
    )
    options = parser.parse_args()
    if options.rows < 2:
        parser.error(f"--rows should be at least 2. Received: {options.rows}.")
    if not -1 <= options.correlation <= 1:
        parser.error(f"--correlation should be from -1 to 1. Received: {options.correlation:g}.")
    table, facts = make_log(options.rows, options.seed, options.correlation)
    paths = write_log(table, options.output, parts=1)
    print("Wrote", ", ".join(str(path) for path in paths))
    for name, value in facts.items():
        print(f"  {name}: {value:,.3f}" if isinstance(value, float) else f"  {name}: {value:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
