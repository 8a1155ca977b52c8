"""Every strategy of `model_config.balancing`, as a config says it."""

from tfmtl.protos import balancing_pb2

STRATEGIES = [
    field.name for field in balancing_pb2.Balancing.DESCRIPTOR.oneofs_by_name["strategy"].fields
]
# What they need; and what changes their course.
_GIVEN = {
    "decay": 'every_steps: 3 ratios {{ task_name: "{task}" gamma: 0.8 }}',
    "dwa": "every_steps: 3",
    "pareto": 'bounds {{ task_name: "{task}" min_weight: 0.2 }}',
}


def message(strategy, task, more=""):
    """The text of a `Balancing`.

    Args:
        strategy: The field of its oneof.
        task: A task with a loss.
        more: Other fields of the strategy's message.
    """
    return f"{strategy} {{ {_GIVEN.get(strategy, '').format(task=task)} {more} }}"


def all_messages(task):
    """One of each strategy, and of those with a choice of gradients at the parameters, too."""
    texts = {name: message(name, task) for name in STRATEGIES}
    for name in STRATEGIES:
        fields = balancing_pb2.Balancing.DESCRIPTOR.fields_by_name[name].message_type.fields_by_name
        if "level" in fields:
            more = "level: PARAMETERS" + (" balance_gradients: true" if name == "db_mtl" else "")
            texts[f"{name}, parameters"] = message(name, task, more)
    texts["db_mtl, representation"] = message("db_mtl", task, "balance_gradients: true")
    texts["db_mtl, averaged"] = message(
        "db_mtl", task, "balance_gradients: true level: PARAMETERS forgetting_rate: 0.9"
    )
    texts["nash, now and then"] = message("nash", task, "every_steps: 2")
    return texts
