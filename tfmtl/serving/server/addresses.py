"""Where the server listens: told before models are loaded if it cannot."""

from __future__ import annotations

import errno
import os
import socket

from tfmtl.errors import ServingError
from tfmtl.serving.server.options import Options

# What of an address cannot be had because of its host, whatever the port.
_HOST = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def check_addresses(options: Options) -> None:
    """Raises if the server could not listen as its options say.

    Raises:
        ServingError: If it could not.
    """
    port, rest_port = options.port, options.rest_api_port
    if port and port == rest_port:
        raise ServingError(
            "gRPC and REST should have a port each. "
            f"Received: {port} for both. `--rest_api_port N` takes another, or 0 for none."
        )
    if port:
        _check_free("gRPC", options.host, port, "port")
    if rest_port:
        _check_free("REST", options.host, rest_port, "rest_api_port")


def bracketed(host: str) -> str:
    """A host as it stands before a port."""
    return f"[{host}]" if ":" in host else host


def not_had(api: str, host: str, port: int, flag: str, reason: str) -> ServingError:
    """What is told of an address that another program took in the meantime, say.

    Args:
        api: What listens there: gRPC or REST.
        host: Its host.
        port: Its port.
        flag: The flag that says which port.
        reason: Why, in words.
    """
    return ServingError(
        f"{api} should have an address of its own. Received: {bracketed(host)}:{port} ({reason}). "
        f"`--{flag} N` takes another port, or 0 for none."
    )


def _check_free(api: str, host: str, port: int, flag: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # As the servers do.
            probe.bind((host, port))
    except (OSError, TypeError, UnicodeError) as error:  # Of odd names TypeError.
        raise _told(error, api, host, port, flag) from error


def _told(error: Exception, api: str, host: str, port: int, flag: str) -> ServingError:
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror):
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno not in _HOST:
            return not_had(api, host, port, flag, reason)
    else:
        reason = getattr(error, "strerror", None) or "no name of a host"
    return ServingError(
        f"`--host` should be an address of this machine. Received: {host} ({reason}). "
        "`--host 0.0.0.0` listens on all of them."
    )
