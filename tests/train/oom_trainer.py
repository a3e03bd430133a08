"""The real trainer on a GPU whose memory runs out where $FTUI_OOM says: `STAGE:COUNT`, or `above:ROWS` (whenever a
batch has more rows than fit). Stages: load, step, evaluation, checkpoint.

The error is the one torch raises, with its text.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from trl import SFTTrainer

from runner.train import __main__ as trainer
from runner.train import model
from runner.train.trainer import RunTrainer

TEXT = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.64 GiB of which "
TEXT += "310.00 MiB is free."


class Allocator:
    """Counts failures in a file, because every start of the trainer is a process of its own."""

    def __init__(self, wish: str, folder: Path) -> None:
        self.stage, _, count = wish.partition(":")
        self._most = int(count)
        self._file = folder / "failures"

    def at(self, stage: str) -> None:
        """Fail as often as wished at this stage."""
        if stage != self.stage:
            return
        done = int(self._file.read_text()) if self._file.exists() else 0
        if done < self._most:
            self._file.write_text(str(done + 1))
            raise torch.OutOfMemoryError(TEXT)

    def rows(self, count: int) -> None:
        """Fail for more rows than fit."""
        if self.stage == "above" and count > self._most:
            raise torch.OutOfMemoryError(TEXT)


def guard(owner: Any, name: str, before: Callable[..., None]) -> None:
    """Call something before a function."""
    real = getattr(owner, name)

    def guarded(*args: Any, **kwargs: Any) -> Any:
        before(*args, **kwargs)
        return real(*args, **kwargs)

    setattr(owner, name, guarded)


def main() -> int:
    allocator = Allocator(os.environ["FTUI_OOM"], Path(sys.argv[1]))
    guard(model, "load_model", lambda *a, **k: allocator.at("load"))
    guard(RunTrainer, "row_losses", lambda *a, **k: allocator.at("evaluation"))
    # The stock one, which ours calls once it has said that it saves.
    guard(SFTTrainer, "_save_checkpoint", lambda *a, **k: allocator.at("checkpoint"))

    def step(self: RunTrainer, _: Any, inputs: Any, *args: Any, **kwargs: Any) -> None:
        allocator.rows(len(inputs["input_ids"]))
        if self.state.global_step >= 2:
            allocator.at("step")

    guard(RunTrainer, "training_step", step)
    return trainer.main()


if __name__ == "__main__":
    sys.exit(main())
