"""The way to a server: what gRPC and REST both do, and which of them an address means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from tfmtl.serving.client.asking import Asked


class Transport(Protocol):
    """A way to a server."""

    def signatures(self, asked: Asked, timeout: float) -> Mapping[str, Any]:
        """What the model can be asked: tensorflow.SignatureDef by name."""

    def predict(
        self,
        asked: Asked,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Mapping[str, Any],
        timeout: float,
    ) -> dict[str, np.ndarray]:
        """Its answers by name. `outputs` are those of the signature, tensorflow.TensorInfo."""

    def close(self) -> None:
        """Ends all connections."""


def transport_to(address: str) -> Transport:
    """Over REST if the address begins with `http://`, else over gRPC.

    Args:
        address: `host:port` or `http://host:port`.
    """
    if address.startswith(("http://", "https://")):
        from tfmtl.serving.client.over_rest import OverRest

        return OverRest(address)
    from tfmtl.serving.client.over_grpc import OverGrpc

    return OverGrpc(address)
