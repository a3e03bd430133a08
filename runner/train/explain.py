"""An exception in words: what happened and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from runner.run import crashes
from runner.train.errors import TrainingError


@dataclass(frozen=True)
class Explanation:
    """`kind` is the exception's class; `message` says what happened, `hint` what to do."""

    kind: str
    message: str
    hint: str


def explain(error: BaseException) -> Explanation:
    """Words for an exception; an unknown one is shown as it is."""
    kind = type(error).__name__
    if isinstance(error, TrainingError):
        return Explanation(kind, error.message, error.hint)
    crash = crashes.OUT_OF_MEMORY if crashes.is_out_of_memory(error) else crashes.known(str(error))
    if crash is not None:
        return Explanation(kind, crashes.message_of(crash, str(error)), crash.hint)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0] if lines else "no message"
    return Explanation(kind, f"{kind}: {first}", "The whole traceback is at the end of console.log.")
