"""Rules of a tower's losses: they go together and with the classes, and are called differently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tfmtl.config.heads import CLASS_COUNTS, CLASSES, EVENT, ORDER, head_kind, loss_kind
from tfmtl.config.known_fields import known_field
from tfmtl.config.learned import all_term_names, learners
from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_at_least, check_name
from tfmtl.config.rules.described import Described
from tfmtl.config.rules.parameters import check_parameters
from tfmtl.config.views import Tower, funnel_towers, placed_towers, tower_losses
from tfmtl.config.wording import Word, one_of
from tfmtl.protos import loss_pb2, pipeline_pb2

_NO_HEAD = (loss_pb2.CROSS_ENTROPY_LOSS, loss_pb2.KL_DIVERGENCE_LOSS)


def check_losses(it: Described) -> bool:
    """The losses of a tower are sound, and agree on a head; gives whether they do."""
    before = len(it.report.problems)
    for index, loss in enumerate(it.its.losses):
        _check_loss(it.part(f"losses[{index}]", loss))
    for field, loss_type in _types(it):
        if known_field("tfmtl.LossType", loss_pb2.LossType.Name(loss_type)):
            return False  # Told already.
        _check_type(it, field, loss_type)
    if len(it.report.problems) == before:
        _check_classes(it)
    if len(it.report.problems) == before:
        _check_agreement(it)
        _check_order(it)
    return len(it.report.problems) == before


def check_kind(tower: Tower, kinds: Sequence[str], path: str, where: str, report: Report) -> None:
    """A tower's losses make one of some kinds of heads, all of one logit.

    Args:
        tower: The tower.
        kinds: The kinds.
        path: Where the tower stands.
        where: What it is a part of, such as "esmm".
        report: Takes the problems.
    """
    of, kind = f"tower `{tower.tower_name}`", head_kind(tower)
    if kind not in (None, CLASSES, *kinds):
        field = "losses" if tower.losses else "loss_type"
        names = [_name(each.loss_type) for each in tower_losses(tower)]
        received = names if tower.losses else names[0]
        report.should(f"{path}.{field}", f"make {one_of(kinds)} in {where}", received, of=of)
    elif tower.num_class != 1:
        report.should(f"{path}.num_class", f"be 1 in {where}", tower.num_class, of=of)


def check_term_names(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """No two losses of a config are called the same in logs."""
    terms = dict(all_term_names(pipeline))
    called = Counter([*terms, *(name for names in terms.values() for name in names)])
    paths = {each.tower.tower_name: each.path for each in placed_towers(pipeline)}
    for task, tower in learners(pipeline).items():
        twice = [name for name in terms[task] if called[name] > 1]
        if twice:
            path, rule = paths[tower.tower_name], "be told apart by a `loss_name` of their own"
            report.should(f"{path}.losses", rule, list(dict.fromkeys(twice)))


def _types(it: Described) -> Iterator[tuple[str, int]]:
    """Yields the types of a tower's losses, and the fields in which they stand."""
    for index, loss in enumerate(tower_losses(it.its)):
        where = f"losses[{index}]." if it.its.losses else ""
        yield f"{where}loss_type", loss.loss_type


def _check_loss(it: Described) -> None:
    if not it.its.HasField("loss_type"):
        it.should("loss_type", "name a loss")
    check_at_least(it.report, f"{it.path}.weight", it.its.weight, 0, of=it.of)
    if it.its.HasField("loss_name"):
        check_name(it.report, f"{it.path}.loss_name", it.its.loss_name, of=it.of)
    check_parameters(it)


def _check_type(it: Described, field: str, loss_type: int) -> None:
    """A loss is one of towers, and not only of knowledge distillation."""
    if loss_type in _NO_HEAD:
        rule = "be a loss of towers; this one is for `model_config.kd`"
        it.should(field, rule, _name(loss_type))


def _check_classes(it: Described) -> None:
    """`num_class` is what each loss needs."""
    received = it.its.num_class
    for _, loss_type in _types(it):
        because = f"because of {_name(loss_type)}"
        if not it.its.losses:
            because = f"because `loss_type` is {_name(loss_type)}"
        wanted = CLASS_COUNTS.get(loss_type, 1)
        if loss_type == loss_pb2.CLASSIFICATION:
            continue
        if loss_type == loss_pb2.ORDINAL_LOSS:
            if received < 2:
                it.should("num_class", f"be at least 2, {because}", received)
        elif received != wanted and loss_type not in ORDER:
            it.should("num_class", f"be {wanted}, {because}", received)
            return


def _check_agreement(it: Described) -> None:
    """The losses make one head."""
    names = [_name(loss_type) for _, loss_type in _types(it)]
    if all(loss_type in ORDER for _, loss_type in _types(it)):
        field = "losses" if it.its.losses else "loss_type"
        rule = "have another loss beside ORDER_CALIBRATE_LOSS, which learns no label"
        it.should(field, rule, names)
    elif head_kind(it.its) is None:
        kinds = {loss_kind(loss_type, it.its.num_class) for _, loss_type in _types(it)} - {""}
        rule = f"be of the same logits, and these are those of {' and of '.join(sorted(kinds))}"
        it.should("losses", rule, names)


def _check_order(it: Described) -> None:
    """ORDER_CALIBRATE_LOSS has towers to compare with, which are of events as its own is."""
    for index, loss in enumerate(it.its.losses):
        if loss.loss_type not in ORDER:
            continue
        field = f"losses[{index}]"
        if "relation_tower_names" not in it.its.DESCRIPTOR.fields_by_name:
            rule = (
                "be another loss; this one is of the `relation_tower_names` of towers of dbmtl "
                "(aitm has `order_weight`)"
            )
            it.should(f"{field}.loss_type", rule, _name(loss.loss_type))
        elif it.its.tower_name in funnel_towers(it.pipeline):
            rule = "be another loss beside `funnel`, whose steps are conditional and have no order"
            it.should(f"{field}.loss_type", rule, _name(loss.loss_type))
        elif not it.its.relation_tower_names:
            sentence = "does nothing, because the tower has no `relation_tower_names`"
            it.report.warn(f"{it.path}.{field}", sentence, of=it.of)
        else:
            _check_events(it, field)
        if loss.learn_loss_weight:
            it.should(f"{field}.learn_loss_weight", "be false; this loss is a penalty", True)


def _check_events(it: Described, field: str) -> None:
    """The tower and those that it is compared with are all of events."""
    compared = {it.its.tower_name, *it.its.relation_tower_names}
    for _, tower in placed_towers(it.pipeline):
        kind = head_kind(tower)
        if tower.tower_name in compared and kind not in (None, EVENT):
            rule = f"compare {EVENT} with others; tower `{tower.tower_name}` is {kind}"
            it.should(f"{field}.loss_type", rule, _name(loss_pb2.ORDER_CALIBRATE_LOSS))


def _name(loss_type: int) -> Word:
    return Word(loss_pb2.LossType.Name(loss_type))
