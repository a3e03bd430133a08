"""Why a run is over without an end of its own: what is left says whether its machine or its processes went."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from runner.store.events import Phase

NO_WORD = (
    "Its processes are gone and left no word: a user or program killed them, or memory ran out (see `dmesg`)."
)
REBOOTED = "The machine was restarted while it ran."
NO_WAITER = (
    "It was waiting for its turn, and no process waits for it any more: the machine went down, or its "
    "process was killed."
)


def lost(state: Mapping[str, Any], phase: Phase) -> str:
    """Why a run is over that was not ended; `state` is what its supervisor last wrote."""
    if phase is Phase.QUEUED:
        return NO_WAITER
    seen = state.get("updated_at")
    return REBOOTED if isinstance(seen, int | float) and seen < _booted_at() else NO_WORD


@cache
def _booted_at() -> float:
    """When this machine started, in seconds since the epoch; 0 when it does not say."""
    # Only of a run whose processes are gone; a list of runs does without.
    import psutil

    try:
        return float(psutil.boot_time())
    except (OSError, RuntimeError, psutil.Error):
        return 0.0
