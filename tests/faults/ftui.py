"""`python -P -m tests.faults.ftui …`: the command line, whose runs have the trainer of these tests."""

from __future__ import annotations

from pathlib import Path

from runner.preset.files import LoadedPreset
from runner.supervision import launch
from runner.supervision.launch import Launched
from runner.supervision.warm import WarmStart
from tests.faults.scene import TRAINER
from tui.cli import main

real = launch.launch


def with_our_trainer(
    loaded: LoadedPreset, home: Path, gpu_choice: str | None = None, warm: WarmStart | None = None
) -> Launched:
    return real(loaded, home, gpu_choice, trainer=TRAINER, warm=warm)


if __name__ == "__main__":
    launch.launch = with_our_trainer  # type: ignore[assignment]
    main()
