"""Weights that can be used: no NaN is saved over good ones, and a checkpoint that does not load is not tried twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from transformers.trainer_pt_utils import safe_globals

from runner.data.errors import TrainingError
from runner.store import checkpoints
from runner.supervision import crashes

ONE_BEFORE = "Resume again: it goes on from the checkpoint before it."


class UnusableWeightsError(TrainingError):
    """Weights that hold no numbers."""


def is_finite(model: Any) -> bool:
    """Whether every weight that is trained is a finite number."""
    trained = [weight.detach() for weight in model.parameters() if weight.requires_grad]
    # One answer from the device, not one for each weight.
    return not trained or bool(torch.stack([weight.isfinite().all() for weight in trained]).all())


def ensure_finite(model: Any) -> None:
    """Raises TrainingError for weights that are no numbers."""
    if not is_finite(model):
        raise UnusableWeightsError(
            "The weights hold NaN or infinite numbers, so they are not used and not saved.",
            "Go on from an earlier checkpoint (`ftui resume RUN --step N`), with a lower learning rate.",
        )


@contextmanager
def loading(checkpoint: str | Path | None) -> Iterator[None]:
    """What goes wrong meanwhile through what the checkpoint holds is written down in it, so that the one before is
    taken the next time; raises TrainingError then. Whatever else goes wrong passes.
    """
    try:
        yield
    except Exception as error:
        if checkpoint is None or not (
            isinstance(error, UnusableWeightsError) or _unreadable(Path(checkpoint))
        ):
            raise
        path = Path(checkpoint)
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        with suppress(OSError):
            checkpoints.condemn(path, f"it could not be loaded: {why}")
        raise TrainingError(f"{path.name} cannot be loaded. {why}", ONE_BEFORE) from error


def _unreadable(folder: Path) -> list[str]:
    """The files of a checkpoint that do not load by themselves. Where all do, what failed is not theirs: a driver, a
    package that was changed, a model that is another one now; with any checkpoint it would be the same.
    """
    return [path.name for path in sorted(folder.iterdir()) if not _loads(path)]


def _loads(path: Path) -> bool:
    try:
        if path.suffix == ".safetensors":
            safetensors.torch.load_file(path)
        elif path.suffix in (".pt", ".pth", ".bin"):
            with safe_globals():
                torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, MemoryError):
        # Of the disk or the machine.
        return True
    except Exception as error:
        return crashes.is_out_of_memory(error)
    return True


@contextmanager
def keeping_older(arguments: Any) -> Iterator[None]:
    """No older checkpoint is deleted meanwhile; `arguments` are transformers' TrainingArguments."""
    limit, arguments.save_total_limit = arguments.save_total_limit, None
    try:
        yield
    finally:
        arguments.save_total_limit = limit
