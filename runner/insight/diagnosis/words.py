"""What evaluation sets are called in sentences and tables: one name each."""

from __future__ import annotations

SETS = {"val": "held-out", "train_probe": "training rows", "general": "general text"}
SET_LOSSES = {
    "val": "held-out loss",
    "train_probe": "loss on training rows",
    "general": "loss on general text",
}


def set_words(name: str) -> str:
    """'held-out' for val; a set of another name keeps it."""
    return SETS.get(name, name)


def loss_of(name: str) -> str:
    """'held-out loss' for val, 'exam loss' for a set named exam."""
    return SET_LOSSES.get(name, f"{name} loss")


def fall(before: float, now: float) -> str:
    """' (-52 %)'; '' where the percentage would say nothing: nearly all is gone, or there was nothing to fall from."""
    share = now / before - 1 if before > 0 else -1.0
    return f" ({100 * share:+.0f} %)" if share > -0.99 else ""
