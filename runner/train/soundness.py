"""Weights that can be used: no NaN is saved over good ones, and a checkpoint that does not load is not tried twice."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from runner.data.errors import TrainingError
from runner.store import checkpoints

ONE_BEFORE = "Resume again: it goes on from the checkpoint before it."
# What says that a file is not what torch or safetensors wrote. Anything else (a driver that failed, a package that was
# changed, a model that is another one now) would fail with every checkpoint.
NO_WEIGHTS = (pickle.UnpicklingError, zipfile.BadZipFile, EOFError, SafetensorError)
TORN_ARCHIVE = "PytorchStreamReader failed"


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
        if checkpoint is None or not _is_of_the_files(error):
            raise
        path = Path(checkpoint)
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        with suppress(OSError):
            checkpoints.condemn(path, f"it could not be loaded: {why}")
        raise TrainingError(f"{path.name} cannot be loaded. {why}", ONE_BEFORE) from error


def _is_of_the_files(error: Exception) -> bool:
    return isinstance(error, (UnusableWeightsError, *NO_WEIGHTS)) or TORN_ARCHIVE in str(error)


@contextmanager
def keeping_older(arguments: Any) -> Iterator[None]:
    """No older checkpoint is deleted meanwhile; `arguments` are transformers' TrainingArguments."""
    limit, arguments.save_total_limit = arguments.save_total_limit, None
    try:
        yield
    finally:
        arguments.save_total_limit = limit
