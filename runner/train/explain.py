"""An exception in words: what happened and what to do about it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from runner import gpu
from runner.data.errors import TrainingError
from runner.insight.figures import gib
from runner.supervision import crashes


@dataclass(frozen=True)
class ErrorExplanation:
    """`kind` is the exception's class; `message` says what happened, `hint` what to do."""

    kind: str
    message: str
    hint: str


def explain(error: BaseException) -> ErrorExplanation:
    """Words for an exception; an unknown one is shown as it is."""
    kind = type(error).__name__
    if isinstance(error, TrainingError):
        return ErrorExplanation(kind, error.message, error.hint)
    crash = crashes.OUT_OF_MEMORY if crashes.is_out_of_memory(error) else crashes.known(str(error))
    if crash is not None:
        return ErrorExplanation(kind, crashes.message_of(crash, str(error)), crash.hint)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0] if lines else "no message"
    return ErrorExplanation(kind, f"{kind}: {first}", "The whole traceback is at the end of console.log.")


def while_loading(words: ErrorExplanation, uuid: str | None) -> ErrorExplanation:
    """The same for memory that ran out before the first step, where no smaller batch helps; names who else holds it."""
    reading = gpu.read(processes=True)
    sample = next((one for one in reading.samples if one.gpu.uuid == uuid), None)
    others = [one for one in (sample.processes or ()) if one.pid != os.getpid()] if sample is not None else []
    held = ", ".join(
        f"process {one.pid}" + (f" ({gib(one.used_mib)} GiB)" if one.used_mib else "") for one in others
    )
    first = f"Others hold memory of this GPU: {held}. Wait for them, or take" if held else "Take"
    return replace(
        words,
        message=f"{words.message} It was still loading the model: a smaller batch would not help.",
        hint=f"{first} a smaller model, 4-bit weights, or another GPU (`ftui check` predicts what is needed).",
    )
