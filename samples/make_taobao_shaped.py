"""Makes data in the shape of EasyRec's taobao samples, to train their configs and to measure speed.

    python samples/make_taobao_shaped.py --rows 400000 --output data/taobao --seed 7

writes `train.csv` and `eval.csv` (the last tenth of the rows) into the output folder: no header, 20
columns, in this order:

    clk, buy, pid, adgroup_id, cate_id, campaign_id, customer, brand, user_id, cms_segid,
    cms_group_id, final_gender_code, age_level, pvalue_level, shopping_level, occupation,
    new_user_class_level, tag_category_list, tag_brand_list, price

The two lists hold 1 to 50 numbers each, as many in one as in the other (`12|7|4281`). Cells of
brand, pvalue_level and new_user_class_level are empty now and then.

There is something to learn: a user belongs to a group, of which most numbers in the lists tell, and
groups differ in what they click and buy. Only what was clicked is bought.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

import numpy as np
import pyarrow as pa
from pyarrow import csv

USERS = 60_000
ADS = 40_000
GROUPS = 24  # Of users; and of ads.
LONGEST_LIST = 50
POOL = 20_000  # Numbers of a group of users, which its lists are cut from.
LARGEST_NUMBER = 100_000
UNQUOTED = csv.WriteOptions(include_header=False, quoting_style="none")


def make_table(rows: int, seed: int) -> pa.Table:
    """Makes the rows.

    Users and ads depend on the seed only, so that tables of all lengths are of the same world.
    """
    world, rng = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    user_groups, ad_groups = world.integers(0, GROUPS, USERS), world.integers(0, GROUPS, ADS)
    users, ads = make_users(world), make_ads(world, ad_groups)
    user, ad = pick(rng, USERS, rows), pick(rng, ADS, rows)
    pair = (user_groups[user], ad_groups[ad])
    price = ads.pop("price")[ad]
    click_logit = -1.8 + world.normal(size=(GROUPS, GROUPS))[pair] + world.normal(size=ADS)[ad] / 2
    buy_logit = -1.5 + world.normal(size=(GROUPS, GROUPS))[pair] - 0.04 * (price - 25)
    click = rng.random(rows) < sigmoid(click_logit)
    buy = click & (rng.random(rows) < sigmoid(buy_logit))
    columns = {
        "clk": click.astype(np.int8),
        "buy": buy.astype(np.int8),
        "pid": pa.array(["430548_1007", "430539_1007"]).take(pa.array(rng.integers(0, 2, rows))),
        **{name: pa.array(cells).take(pa.array(ad)) for name, cells in ads.items()},
        **{name: pa.array(cells).take(pa.array(user)) for name, cells in users.items()},
        **make_lists(world, rng, user_groups[user]),
        "price": price,
    }
    return pa.table(columns)


def make_ads(rng: np.random.Generator, groups: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of ads, `{column: (ads,)}`; an ad's category is one of its group's."""
    number = np.arange(ADS)
    return {
        "adgroup_id": number * 21 + 13,
        "cate_id": rng.integers(0, 500, ADS) * GROUPS + groups,
        "campaign_id": number // 3 * 31 + 7,
        "customer": number // 7 * 17 + 5,
        "brand": with_gaps(rng, rng.integers(0, 90_000, ADS), share=0.05),
        "price": rng.integers(0, 50, ADS),
    }


def make_users(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The columns of users, `{column: (users,)}`."""
    return {
        "user_id": np.arange(USERS) * 17 + 3,
        "cms_segid": rng.integers(0, 97, USERS),
        "cms_group_id": rng.integers(0, 13, USERS),
        "final_gender_code": rng.integers(1, 3, USERS),
        "age_level": rng.integers(0, 7, USERS),
        "pvalue_level": with_gaps(rng, rng.integers(1, 4, USERS), share=0.4),
        "shopping_level": rng.integers(1, 4, USERS),
        "occupation": rng.integers(0, 2, USERS),
        "new_user_class_level": with_gaps(rng, rng.integers(1, 5, USERS), share=0.3),
    }


def make_lists(
    world: np.random.Generator, rng: np.random.Generator, groups: np.ndarray
) -> dict[str, list[str]]:
    """The two lists of each row, cut from the pools of the users' groups."""
    lengths = rng.integers(1, LONGEST_LIST + 1, len(groups))
    lists = {}
    for name in ("tag_category_list", "tag_brand_list"):
        starts = groups * POOL + rng.integers(0, POOL - LONGEST_LIST, len(groups))
        lists[name] = cut(make_pools(world), starts, lengths)
    return lists


def make_pools(rng: np.random.Generator) -> np.ndarray:
    """Numbers that users of each group list, one group after the other, `(groups * POOL,)`.

    Small numbers are the most frequent. Three in four belong to the group: the remainder of their
    division by the number of groups is the group's own.
    """
    own = np.repeat(np.arange(GROUPS), POOL)
    stranger = rng.integers(0, GROUPS, len(own))
    group = np.where(rng.random(len(own)) < 0.75, own, stranger)
    quotients = np.exp(rng.random(len(own)) ** 1.5 * np.log(LARGEST_NUMBER // GROUPS)) - 1
    return quotients.astype(np.int64) * GROUPS + group


def cut(numbers: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> list[str]:
    """Joins `lengths` numbers from each of the `starts` with `|`: all at once, then by slicing."""
    texts = numbers.astype(str)
    joined = "|".join(texts)
    places = np.concatenate([[0], np.cumsum(np.char.str_len(texts) + 1)])
    bounds = zip(places[starts].tolist(), (places[starts + lengths] - 1).tolist(), strict=True)
    return [joined[start:stop] for start, stop in bounds]


def pick(rng: np.random.Generator, choices: int, count: int) -> np.ndarray:
    """Picks numbers below `choices`, low ones often."""
    return (choices * rng.random(count) ** 2).astype(np.int64)


def with_gaps(rng: np.random.Generator, values: np.ndarray, share: float) -> np.ndarray:
    """The values as text, a share of them empty."""
    return np.where(rng.random(len(values)) < share, "", values.astype(str))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits."""
    return 1.0 / (1.0 + np.exp(-logits))


def main() -> int:
    """Makes and writes the data that the command line asks for."""
    parser = argparse.ArgumentParser(description="Makes data in the shape of EasyRec's taobao set.")
    parser.add_argument("--rows", type=int, default=400_000, help="rows, both files together")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("data/taobao"))
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    if options.rows < 2:
        parser.error(f"--rows should be at least 2. Received: {options.rows}.")
    table = make_table(options.rows, options.seed)
    options.output.mkdir(parents=True, exist_ok=True)
    train_rows = options.rows - max(1, options.rows // 10)
    csv.write_csv(table.slice(0, train_rows), options.output / "train.csv", UNQUOTED)
    csv.write_csv(table.slice(train_rows), options.output / "eval.csv", UNQUOTED)
    clicked, bought = (np.mean(table[name].to_numpy()) for name in ("clk", "buy"))
    print(f"Wrote {options.output}/train.csv and eval.csv: {options.rows:,} rows")
    print(f"  clicked {clicked:.1%}, bought {bought:.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
