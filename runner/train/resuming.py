"""Whether a run may go on from a checkpoint: with the same adapter, data and effective batch, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runner import safe_open
from runner.data.errors import TrainingError
from runner.insight.batch import BatchPlan
from runner.store.history import History
from runner.train.dataset import Ledger


def step_of(checkpoint: Path) -> int:
    """The optimizer steps a checkpoint holds."""
    return int(checkpoint.name.rpartition("-")[2])


def verify(before: History, ledger: Ledger, plan: BatchPlan, checkpoint: Path) -> None:
    """Raises TrainingError naming the first thing that is not as it was: going on would be another run."""
    was = before.plan
    ledger_then = was.get("ledger")
    known: dict[str, Any] = ledger_then if isinstance(ledger_then, dict) else {}
    per_device, accumulation = (
        was.get("per_device_train_batch_size"),
        was.get("gradient_accumulation_steps"),
    )
    effective = (
        per_device * accumulation if isinstance(per_device, int) and isinstance(accumulation, int) else None
    )
    now = {
        "the training rows": (known.get("fingerprint"), ledger.fingerprint),
        "the number of training rows": (known.get("train_rows"), ledger.train_rows),
        "the number of tokens that are learned": (known.get("trained_tokens"), ledger.trained_tokens),
        "the effective batch": (effective, plan.effective_batch),
        "the number of steps": (was.get("total_steps"), plan.total_steps),
    }
    for what, (old, new) in now.items():
        if old is not None and old != new:
            raise TrainingError(
                f"It cannot go on: {what} changed since it was started ({old} then, {new} now).",
                "Put it back as it was, or start a new run with these settings.",
            )
    _verify_adapter(checkpoint)


def _verify_adapter(checkpoint: Path) -> None:
    config = checkpoint / "adapter_config.json"
    if not config.exists():
        return
    try:
        json.loads(safe_open.read_bytes(config))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{config} cannot be read ({error}).",
            "Go on from another checkpoint: `ftui resume RUN --step N`.",
        ) from None
