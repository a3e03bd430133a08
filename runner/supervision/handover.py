"""Messages between a screen, its pre-started supervisor and that one's trainer: a line of JSON over a socket pair, with
file descriptors beside it. One message is under way at a time.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

# Console, lock, lease.
MOST_DESCRIPTORS = 3
CHUNK = 1 << 16


def send(connection: socket.socket, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send a message; the receiver gets copies of the descriptors. Raises OSError, after the socket's time-out too."""
    # Names and values of an environment need not be UTF-8; as ASCII their surrogates survive.
    data = json.dumps(message).encode("ascii") + b"\n"
    sent = socket.send_fds(connection, [data], descriptors) if descriptors else 0
    # Sending nothing fails too, once a quick receiver has answered and closed.
    if sent < len(data):
        connection.sendall(data[sent:])


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next message and the descriptors that came with it, close-on-exec; None when the other side has closed.
    Raises OSError, after the socket's time-out too, and ValueError for what is no message.
    """
    data, descriptors, _, _ = socket.recv_fds(connection, CHUNK, MOST_DESCRIPTORS)
    for fd in descriptors:
        # recv_fds of Python 3.11 takes flags and ignores them: MSG_CMSG_CLOEXEC would do nothing.
        os.set_inheritable(fd, False)
    try:
        while not data.endswith(b"\n"):
            more = connection.recv(CHUNK)
            if not more:
                close(descriptors)
                return None
            data += more
        message = json.loads(data)
        if not isinstance(message, dict):
            raise ValueError("no message")
    except (OSError, ValueError):
        close(descriptors)
        raise
    return message, descriptors


def close(descriptors: Sequence[int]) -> None:
    """Close descriptors that came with a message; a lock among them is let go with its last copy."""
    for fd in descriptors:
        os.close(fd)
