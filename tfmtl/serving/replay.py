"""Answers requests from a SavedModel, in a process of its own that has only TensorFlow.

Run by path as `python -I replay.py PLAN ANSWERS`, never imported. PLAN is a JSON file:

    {"path": [folders to import from], "model": folder,
     "requests": [{"signature": name, "inputs": {column: {"dtype": "string", "values": [...]}}}]}

and ANSWERS is written in the form of "inputs", one for each request, with outputs in their place.
Bytes are written as text of the same code points. A failure is one line on stderr and exit code 1.
"""

from __future__ import annotations

import json
import sys
from typing import Any

# Whoever serves the model has none of these; importing one of them fails from here on.
_NOT_THERE = ("tfmtl", "keras", "tf_keras", "tensorflow_recommenders")


def main(plan_file: str, answers_file: str) -> None:
    """Reads the plan and writes the answers."""
    with open(plan_file, encoding="utf-8") as file:
        plan = json.load(file)
    sys.path[:] = plan["path"]
    sys.modules.update(dict.fromkeys(_NOT_THERE))  # type: ignore[arg-type]
    import tensorflow as tf

    model = tf.saved_model.load(plan["model"])
    answers = [
        _answer(model.signatures[request["signature"]], request["inputs"])
        for request in plan["requests"]
    ]
    with open(answers_file, "w", encoding="utf-8") as file:
        json.dump(answers, file)


def _answer(signature: Any, request: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    inputs = {
        name: tf.constant(_decoded(column), column["dtype"]) for name, column in request.items()
    }
    outputs = signature(**inputs)
    return {name: _encoded(value.numpy()) for name, value in outputs.items()}


def _encoded(values: Any) -> dict[str, Any]:
    return {"dtype": values.dtype.name, "values": values.tolist()}


def _decoded(column: dict[str, Any]) -> list[Any]:
    values: list[Any] = column["values"]
    return [value.encode("latin-1") for value in values] if column["dtype"] == "string" else values


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}"[:500])
