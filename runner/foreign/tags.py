"""The names that reporters give to a Trainer's metrics."""

from __future__ import annotations

PREFIXES = {"train/": "", "eval/": "eval_"}


def flat(tag: str) -> str | None:
    """`train/loss` and `eval/loss` as the Trainer calls them, `loss` and `eval_loss`; None for anything else."""
    for prefix, instead in PREFIXES.items():
        if tag.startswith(prefix):
            return instead + tag[len(prefix) :]
    return None
