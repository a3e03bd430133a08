"""Where a run writes: its directory may be renamed or removed while it trains."""

from __future__ import annotations

import os
from pathlib import Path

from runner.data.errors import TrainingError
from runner.store.directory import RunDirectory


class Place:
    """A run's directory as it was when training began."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        try:
            self._was = run.path.stat()
        except FileNotFoundError:
            raise self._moved("ITS NEW NAME") from None

    def ensure_there(self) -> None:
        """Raises TrainingError when the directory is not where it was: a checkpoint would be written to a new directory
        of the old name, apart from everything else of the run.
        """
        try:
            if os.path.samestat(self._run.path.stat(), self._was):
                return
        except FileNotFoundError:
            pass
        except OSError:
            # A network file system that does not answer for the moment: it may be there again at the next step.
            return
        raise self._moved(self._name() or "ITS NEW NAME")

    def _moved(self, name: str) -> TrainingError:
        return TrainingError(
            f"The run's directory was renamed or removed while it trained ({self._run.path}).",
            f"Go on from its last checkpoint: ftui resume {name}",
        )

    def _name(self) -> str:
        """What it is called by now; empty where that cannot be told."""
        try:
            return Path.cwd().name if os.path.samestat(Path().stat(), self._was) else ""
        except OSError:
            return ""
