"""Weights that can be used: no NaN is saved over good ones, and a checkpoint that does not load is not tried twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from runner.data.errors import TrainingError
from runner.store import checkpoints
from runner.supervision import crashes

ONE_BEFORE = "Resume again: it goes on from the checkpoint before it."


def is_finite(model: Any) -> bool:
    """Whether every weight that is trained is a finite number."""
    trained = [weight.detach() for weight in model.parameters() if weight.requires_grad]
    # One answer from the device, not one for each weight.
    return not trained or bool(torch.stack([weight.isfinite().all() for weight in trained]).all())


def ensure_finite(model: Any) -> None:
    """Raises TrainingError for weights that are no numbers."""
    if not is_finite(model):
        raise TrainingError(
            "The weights hold NaN or infinite numbers, so they are not used and not saved.",
            "Go on from an earlier checkpoint (`ftui resume RUN --step N`), with a lower learning rate.",
        )


@contextmanager
def loading(checkpoint: str | Path | None) -> Iterator[None]:
    """What goes wrong meanwhile is the checkpoint's fault, and written down in it. Raises TrainingError in its place;
    memory that ran out and files that could not be read are no fault of it and pass.
    """
    try:
        yield
    except (MemoryError, OSError):
        raise
    except Exception as error:
        if checkpoint is None or crashes.is_out_of_memory(error):
            raise
        path = Path(checkpoint)
        why = (
            error.message
            if isinstance(error, TrainingError)
            else f"{type(error).__name__}: {error}".splitlines()[0]
        )
        with suppress(OSError):
            checkpoints.condemn(path, f"it could not be loaded: {why}")
        raise TrainingError(f"{path.name} cannot be loaded. {why}", ONE_BEFORE) from error


@contextmanager
def keeping_older(arguments: Any) -> Iterator[None]:
    """No older checkpoint is deleted meanwhile; `arguments` are transformers' TrainingArguments."""
    limit, arguments.save_total_limit = arguments.save_total_limit, None
    try:
        yield
    finally:
        arguments.save_total_limit = limit
