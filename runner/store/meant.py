"""Which run `last` means: that depends on what is to be done with it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path

from runner.store import life, summary
from runner.store.directory import LAST, RunDirectory, RunNotFoundError, find_run, list_runs
from runner.store.events import Phase

MOST_NAMED = 3


class For(Enum):
    """What a run is wanted for."""

    LOOKING = "look at"
    LIVING = "stop, watch or ask"
    GOING_ON = "go on with"


def find(text: str, home: Path, wanted: For = For.LOOKING) -> RunDirectory:
    """A run by id, a part of it, a path, or `last`: the one that lives to stop, watch or ask; the newest that did not
    finish to go on with; the newest that has started to look at. The newest of all where there is none of these. Raises
    RunNotFoundError, also when several live.
    """
    if text != LAST:
        return find_run(text, home)
    runs = list_runs(home)
    if wanted is For.LIVING:
        living = [run for run in runs if life.is_alive(run) and not _waits(run)]
        if len(living) > 1:
            some = ", ".join(run.id for run in living[:MOST_NAMED])
            raise RunNotFoundError(
                f"{len(living)} runs live ({some}{' …' if len(living) > MOST_NAMED else ''}). Say which."
            )
        if living:
            return living[0]
        return _first(runs, _waits) or find_run(text, home)
    if wanted is For.GOING_ON:
        return _first(runs, _is_unfinished) or find_run(text, home)
    return _first(runs, lambda run: not _waits(run)) or find_run(text, home)


def _first(runs: list[RunDirectory], fits: Callable[[RunDirectory], bool]) -> RunDirectory | None:
    return next((run for run in runs if fits(run)), None)


def _waits(run: RunDirectory) -> bool:
    return _phase(run) is Phase.QUEUED


def _is_unfinished(run: RunDirectory) -> bool:
    """Whether it ended and could go on, or waits for its turn without a process that looks for it."""
    phase = _phase(run)
    return phase.is_over and phase is not Phase.FINISHED


def _phase(run: RunDirectory) -> Phase:
    return summary.phase_of(summary.read_state(run))
