"""Standard output and standard error of a run's processes, without secrets."""

from __future__ import annotations

import contextlib
import io
import sys

from runner.redaction.blotting import redacted


class _Redacting(io.TextIOWrapper):
    """A text stream that lets no known secret through, and bears a full disk."""

    def write(self, text: str) -> int:
        try:
            return super().write(redacted(text))
        except OSError:
            # A full disk: what is printed is not worth a run.
            return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def guard_streams() -> None:
    """Keep secrets out of what this process prints from now on."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        # Once: what holds the first guarded stream (a log handler) would see it closed with the second.
        if isinstance(stream, io.TextIOWrapper) and not isinstance(stream, _Redacting):
            stream.flush()
            guarded = _Redacting(
                stream.buffer, stream.encoding, "backslashreplace", line_buffering=True, write_through=True
            )
            setattr(sys, name, guarded)
