"""Asks a served model: tables in, tables out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmtl.errors import ServingError
from tfmtl.serving.client import tensors
from tfmtl.serving.client.arguments import (
    check_seconds,
    check_table,
    check_text,
    check_user,
    check_whole,
)
from tfmtl.serving.client.asking import OTHER_OUTPUTS, Asked, with_retries
from tfmtl.serving.client.inputs import Infos, ranked_inputs, row_inputs
from tfmtl.serving.client.transport import transport_to
from tfmtl.serving.extra import check_extra
from tfmtl.serving.signatures import (
    RANK,
    RANK_WITH_WEIGHTS,
    SERVING_DEFAULT,
    WITH_WEIGHTS,
)

Signatures = Mapping[str, Any]  # tensorflow.SignatureDef by name.

# What there is, perhaps, if the model is another one than it was.
_CHANGED = ("INVALID_ARGUMENT", "FAILED_PRECONDITION", OTHER_OUTPUTS)


class Client:
    """Asks a model over gRPC, or over REST if the address begins with `http://`.

    Its connections are kept: make one client, and use it from any thread.

    Args:
        address: `host:port` of gRPC, or `http://host:port` of REST.
        model: What the server calls the model.
        version: A version's number; by default the newest that is served.
        label: A version's label, instead of a number.
        timeout: Seconds that a request may take, with all its tries.
        retries: How often a server that cannot be reached is asked again.
        batch_size: Rows of one request of `predict`.

    Raises:
        ServingError: If the extra `serving` is missing, both a version and a label are given, or an
            argument is not what it should be.

    Example:
    >>> client = Client("localhost:8500", model="mmoe")
    >>> client.rank(user={"user_id": "u1"}, items=pandas.DataFrame({"item_id": ["i7", "i9"]}))
       probs_click  probs_buy
    0          0.4        0.1
    1          0.2        0.1
    """

    def __init__(
        self,
        address: str,
        model: str = "default",
        *,
        version: int | None = None,
        label: str = "",
        timeout: float = 5.0,
        retries: int = 3,
        batch_size: int = 4096,
    ) -> None:
        check_extra()
        for name, text in (("address", address), ("model", model), ("label", label)):
            check_text(name, text)
        if version is not None:
            check_whole("version", version, 0)
        check_seconds("timeout", timeout)
        check_whole("retries", retries, 0)
        check_whole("batch_size", batch_size, 1)
        if version is not None and label:
            raise ServingError(
                "A client should ask a version or a label. "
                f"Received: version {version} and label `{label}`."
            )
        self._asked = Asked(model, version, label)
        self._timeout = float(timeout)  # Of a float32 a clock's time would be one, too.
        self._retries = retries
        self._batch_size = batch_size
        self._transport = transport_to(address)
        self._known: Signatures | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all connections."""
        self._transport.close()

    @property
    def signatures(self) -> Signatures:
        """What the model can be asked, as it tells itself: tensorflow.SignatureDef by name.

        Raises:
            ServingError: If the server does not answer.
        """
        known = self._known  # Read once: another thread may find news at any time.
        return self._look() if known is None else known

    def predict(
        self, rows: pd.DataFrame, score_weights: Mapping[str, float] | None = None
    ) -> pd.DataFrame:
        """Predictions for rows.

        Args:
            rows: The columns that the model reads, others being left out of account. An empty cell
                of text or of a float means what it means to the config.
            score_weights: Values of the score's weights, by name; the others keep their defaults.

        Returns:
            The model's outputs, with the index of `rows`.

        Raises:
            ServingError: If a column is missing or of another type, or there is no answer.
        """
        check_table("The rows", rows)
        name = WITH_WEIGHTS if score_weights else SERVING_DEFAULT

        def ask(signatures: Signatures) -> pd.DataFrame:
            signature = self._signature(signatures, name)
            parts = [
                self._ask(name, signature, row_inputs(part, signature.inputs, score_weights))
                for part in _parts(rows, self._batch_size)
            ]
            return _table(parts, signature.outputs, rows.index)

        return self._with_news(ask)

    def rank(
        self,
        user: Mapping[str, Any] | pd.Series,
        items: pd.DataFrame,
        score_weights: Mapping[str, float] | None = None,
    ) -> pd.DataFrame:
        """Predictions for one user's candidates, in the order in which they are given.

        Args:
            user: Values of the columns of the user and of the request; a row of a table will do.
            items: A row a candidate, with all other columns.
            score_weights: Values of the score's weights, by name.

        Returns:
            The model's outputs, with the index of `items`.

        Raises:
            ServingError: If a column is missing or of another type, or there is no answer.
        """
        check_user(user)
        check_table("`items`", items)
        name = RANK_WITH_WEIGHTS if score_weights else RANK

        def ask(signatures: Signatures) -> pd.DataFrame:
            signature = self._signature(signatures, name)
            inputs = ranked_inputs(dict(user), items, signature.inputs, score_weights)
            answers = [self._ask(name, signature, inputs)] if len(items) else []
            parts = [{key: value[0] for key, value in each.items()} for each in answers]
            return _table(parts, signature.outputs, items.index)

        return self._with_news(ask)

    def _look(self) -> Signatures:
        self._known = known = with_retries(
            lambda left: self._transport.signatures(self._asked, left),
            self._timeout,
            self._retries,
        )
        return known

    def _signature(self, signatures: Signatures, name: str) -> Any:
        if name not in signatures:
            known = ", ".join(sorted(each for each in signatures if not each.startswith("__")))
            raise ServingError(
                f"Model {self._asked.model} should have the signature `{name}`. "
                f"Received: {known}.{_WOULD_DO.get(name, '')}"
            )
        return signatures[name]

    def _ask(
        self, name: str, signature: Any, inputs: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        return with_retries(
            lambda left: self._transport.predict(
                self._asked, name, inputs, signature.outputs, left
            ),
            self._timeout,
            self._retries,
        )

    def _with_news(self, ask: Callable[[Signatures], pd.DataFrame]) -> pd.DataFrame:
        """Asks; and once more if the model was exchanged by one of other inputs or outputs."""
        known = self.signatures
        try:
            return ask(known)
        except ServingError as error:
            if error.code not in _CHANGED or (now := self._look()) == known:
                raise
            return ask(now)


_WOULD_DO = {
    RANK: " An export has it if its config has features with `side: USER`.",
    RANK_WITH_WEIGHTS: " An export has it if its score has weights and there is `rank`.",
    WITH_WEIGHTS: " An export has it if its score has weights.",
}


def _parts(rows: pd.DataFrame, size: int) -> Iterator[pd.DataFrame]:
    return (rows.iloc[start : start + size] for start in range(0, len(rows), size))


def _table(parts: list[dict[str, np.ndarray]], infos: Infos, index: pd.Index) -> pd.DataFrame:
    nothing = {
        name: np.empty(0, tf.as_dtype(info.dtype).as_numpy_dtype) for name, info in infos.items()
    }
    answers = parts or [nothing]
    columns = {
        name: tensors.cells_of(np.concatenate([part[name] for part in answers]))
        for name in sorted(infos)
    }
    return pd.DataFrame(columns, index=index)
