"""The table of what is refused or ignored, and its completeness."""

import pathlib
import re

import pytest
from google.protobuf import descriptor_pool

import tfmtl
from tfmtl.config.known_fields import KnownField, known_field, table, told
from tfmtl.config.support import built_values
from tfmtl.protos import pipeline_pb2

PACKAGE = pathlib.Path(tfmtl.__file__).parent
POOL = descriptor_pool.Default()
# A comment, a second name of the architecture, a list that may only say 1, and what a prediction's
# name says already.
JUDGED_ONLY = ("model_name", "model_class", "label_dim", "pred_is_logits")


def names_of(owner):
    """The fields of a message, or the values of an enum; None if there is neither."""
    for find, names in (
        (POOL.FindMessageTypeByName, lambda found: found.fields_by_name),
        (POOL.FindEnumTypeByName, lambda found: found.values_by_name),
    ):
        try:
            return list(names(find(f"tfmtl.{owner}")))
        except KeyError:
            continue
    return None


def built_fields(message, seen):
    """All fields that a config can set without being told that they have no effect."""
    if message.full_name in seen or not message.full_name.startswith("tfmtl."):
        return
    seen.add(message.full_name)
    for field in message.fields:
        if known_field(message.full_name, field.name) is None:
            yield message, field
            if field.message_type:
                yield from built_fields(field.message_type, seen)


@pytest.mark.parametrize("owner", sorted({owner for owner, _ in table()}))
def test_rows_name_what_there_is(owner):
    names = names_of(owner)
    for (row_owner, name), known in table().items():
        if row_owner == owner and known.status != "refused":
            assert names is not None and name in names, f"{owner}.{name} is not in the protos."


def test_rows_have_a_status_and_its_reason():
    for row, known in table().items():
        assert known.status in ("ignored", "refused"), row
        assert known.reason, row
        assert not known.reason.endswith("."), row


def words_of_the_code():
    """The words of all sources but the rules, which read fields only to judge them."""
    words = set()
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name != "rules" and not path.stem.endswith("_pb2"):
            words |= {path.stem, *re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    return words


def has_one_value(field):
    return field.enum_type is not None and len(built_values(field.enum_type)) == 1


def test_every_field_that_is_built_is_read_by_some_code():
    words = words_of_the_code()
    forgotten = [
        f"{message.name}.{field.name}"
        for message, field in built_fields(pipeline_pb2.Pipeline.DESCRIPTOR, set())
        if field.name not in words and field.name not in JUDGED_ONLY and not has_one_value(field)
    ]
    assert not forgotten, (
        f"No code reads {', '.join(forgotten)}: build them, or add them to "
        "tfmtl/config/easyrec_fields.tsv."
    )


def test_field_that_is_built_is_not_in_the_table():
    assert known_field("tfmtl.TrainConfig", "num_steps") is None
    assert known_field("tfmtl.TrainConfig", "no_such_field") is None


def test_values_of_enums_are_in_the_table():
    known = KnownField("refused", "it belongs to metric learning", "")
    assert known_field("tfmtl.LossType", "CIRCLE_LOSS") == known


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (KnownField("refused", "it is code", ""), "refused: it is code"),
        (KnownField("ignored", "it is dead", ""), "accepted and ignored: it is dead"),
    ],
)
def test_status_is_told_in_words(known, words):
    assert told(known) == words
