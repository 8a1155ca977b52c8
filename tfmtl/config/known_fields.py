"""EasyRec's fields and values that tfmtl refuses or ignores, from one table.

What is built is not in the table. A row of `easyrec_fields.tsv` has a message (or an enum), one of
its fields (or values), a status, the reason, and a value that may stand there all the same.
"""

from __future__ import annotations

import csv
import functools
import importlib.resources
from collections.abc import Mapping
from typing import NamedTuple


class KnownField(NamedTuple):
    """What is known of a field or of an enum's value.

    Args:
        status: `ignored` or `refused`.
        reason: Why, or what to do instead.
        harmless: A value that changes nothing, as text, for fields that tfmtl does not have.
    """

    status: str
    reason: str
    harmless: str


def known_field(owner: str, name: str) -> KnownField | None:
    """Looks a field or a value up; None if it is built, or if EasyRec does not have it either.

    Args:
        owner: Full name of the message or the enum, such as `tfmtl.TrainConfig`.
        name: The field or the value.
    """
    return table().get((owner.removeprefix("tfmtl."), name))


def told(known: KnownField) -> str:
    """What a user reads after "is" or "which is"."""
    if known.status == "refused":
        return f"refused: {known.reason}"
    return f"accepted and ignored: {known.reason}"


@functools.cache
def table() -> Mapping[tuple[str, str], KnownField]:
    """The whole table, by message and field."""
    file = importlib.resources.files(__package__) / "easyrec_fields.tsv"
    rows = csv.DictReader(file.read_text("utf-8").splitlines(), delimiter="\t")
    return {
        (row["message"], row["field"]): KnownField(row["status"], row["reason"], row["harmless"])
        for row in rows
    }
