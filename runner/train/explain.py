"""An exception in words: what happened and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from runner.train.errors import TrainingError


@dataclass(frozen=True)
class Explanation:
    """`kind` is the exception's class; `message` says what happened, `hint` what to do."""

    kind: str
    message: str
    hint: str


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the GPU's memory ran out; the host's does not raise."""
    return type(error).__name__ == "OutOfMemoryError" or "CUDA out of memory" in str(error)


def _text_has(*parts: str) -> Callable[[BaseException], bool]:
    return lambda error: any(part.lower() in str(error).lower() for part in parts)


TRIED = re.compile(r"Tried to allocate ([\d.]+ [KMG]iB)")
CAPACITY = re.compile(r"total capacity of ([\d.]+ [KMG]iB) of which ([\d.]+ [KMG]iB|\d+ bytes) is free")
OUT_OF_MEMORY_HINT = (
    "Halve train.per_device_train_batch_size, double gradient_accumulation_steps: the same batch."
)


def _out_of_memory(text: str) -> str:
    """The numbers of an allocator's message: what was wanted, what was free."""
    tried, capacity = TRIED.search(text), CAPACITY.search(text)
    if tried is None:
        return "The GPU ran out of memory."
    free = f", {capacity[2]} of {capacity[1]} were free" if capacity else ""
    return f"The GPU ran out of memory: {tried[1]} more were wanted{free}."


# The first that fits wins; the words are what is shown.
KNOWN: tuple[tuple[Callable[[BaseException], bool], str, str], ...] = (
    (
        _text_has("gated repo", "401 client error", "access to model"),
        "The hub refuses access to the model: it is gated, or the login is missing.",
        "Accept its licence on the hub, then run `hf auth login` on this machine.",
    ),
    (
        _text_has(
            "offline mode",
            "couldn't connect",
            "cannot reach",
            "name resolution",
            "locate the file on the hub",
        ),
        "The model or data set is not on this machine and the hub cannot be reached.",
        "Check the network, or give a local directory that starts with ./ or /.",
    ),
    (
        _text_has("is not a local folder and is not a valid model identifier", "repository not found"),
        "There is no model of this name.",
        "Check model.model_name_or_path; a local directory starts with ./ or /.",
    ),
    (
        _text_has("target modules", "not found in the base model"),
        "None of lora.target_modules exists in this model.",
        "Use all-linear, or the layer names of this model.",
    ),
    (
        _text_has("no space left on device"),
        "The disk is full.",
        "Free some space; `ftui show RUN` says where the run keeps its checkpoints.",
    ),
)


def explain(error: BaseException) -> Explanation:
    """Words for an exception; an unknown one is shown as it is."""
    kind = type(error).__name__
    if is_out_of_memory(error):
        return Explanation(kind, _out_of_memory(str(error)), OUT_OF_MEMORY_HINT)
    if isinstance(error, TrainingError):
        return Explanation(kind, error.message, error.hint)
    for fits, message, hint in KNOWN:
        if fits(error):
            return Explanation(kind, message, hint)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0] if lines else "no message"
    return Explanation(kind, f"{kind}: {first}", "The whole traceback is at the end of console.log.")
