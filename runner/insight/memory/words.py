"""A prediction of memory in words: the pieces that the screen colours, and the lines that the terminal prints."""

from __future__ import annotations

from dataclasses import dataclass

from runner.insight.figures import gib
from runner.insight.memory.predict import Prediction


@dataclass(frozen=True)
class MemoryWords:
    """`need` is '18.2 GiB', `room` '(17.5–19.0) of 23.1 free on RTX 4090', `parts` are ('weights', 'weights 5.2'),
    `saving` is what would save most, '' when nothing would; `brief` is '18.2/23.1 GiB fits'.
    """

    need: str
    room: str
    fit: str
    parts: tuple[tuple[str, str], ...]
    evaluation: str
    basis: str
    saving: str
    brief: str


def memory_words(prediction: Prediction) -> MemoryWords:
    """Parts that would show as 0.0 GiB are left out."""
    train, card = prediction.train, prediction.card
    return MemoryWords(
        need=f"{gib(train.need)} GiB",
        room=f"({gib(train.low)}–{gib(train.high)}) of {gib(card.free_mib)} free on {card.name}",
        fit=prediction.fit.value,
        parts=tuple((name, f"{name} {gib(mib)}") for name, mib in prediction.shown_parts),
        evaluation=f"evaluation {gib(prediction.evaluation.need)} GiB · nvidia-smi will show {gib(train.shown)} GiB",
        basis=prediction.basis,
        saving=saving(prediction),
        brief=f"{gib(train.need)}/{gib(card.free_mib)} GiB {prediction.fit.value}",
    )


def saving(prediction: Prediction) -> str:
    """'gradient checkpointing: −1.2 GiB', the change that saves most; '' when nothing does."""
    lever = prediction.lever
    return f"{lever.words}: −{gib(lever.saves_mib)} GiB" if lever is not None else ""


def memory_lines(prediction: Prediction) -> list[str]:
    """A prediction in lines of text."""
    words = memory_words(prediction)
    lines = [
        f"needs {words.need} {words.room} · {words.fit}",
        " · ".join(text for _, text in words.parts),
        words.evaluation,
        f"basis: {words.basis} · {' · '.join(prediction.assumed)}",
    ]
    return [*lines, f"saves most: {words.saving}"] if words.saving else lines
