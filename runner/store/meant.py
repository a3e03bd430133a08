"""Which run `last` means: that depends on what is to be done with it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path

from runner.store import life, summary
from runner.store.checkpoints import newest
from runner.store.directory import LAST, RunDirectory, RunNotFoundError, find_run, list_runs, read_json
from runner.store.events import Phase
from runner.store.life import Life

MOST_NAMED = 3


class For(Enum):
    """What a run is wanted for."""

    LOOKING = "look at"
    WATCHING = "watch"
    ACTING = "stop or ask"
    GOING_ON = "go on with"


def find(text: str, home: Path, wanted: For = For.LOOKING) -> RunDirectory:
    """A run by id, a part of it, a path, or `last`: the newest that lives to watch, and to stop or ask the one that
    lives; the newest that ended without having finished to go on with; the newest that has started to look at. The
    newest of all where there is none of these. Raises RunNotFoundError, also when several live, or when a newer one
    has finished than the one to go on with.
    """
    if text != LAST:
        return find_run(text, home)
    runs = list_runs(home)
    found = {
        For.LOOKING: lambda: _first(runs, lambda run: not _waits(run)),
        For.WATCHING: lambda: _first(runs, _lives) or _first(runs, _waits),
        For.ACTING: lambda: _the_one_that_lives(runs) or _first(runs, _waits),
        For.GOING_ON: lambda: _unfinished(runs),
    }[wanted]()
    return found or find_run(text, home)


def _first(runs: list[RunDirectory], fits: Callable[[RunDirectory], bool]) -> RunDirectory | None:
    return next((run for run in runs if fits(run)), None)


def _the_one_that_lives(runs: list[RunDirectory]) -> RunDirectory | None:
    living = [run for run in runs if _lives(run)]
    if len(living) > 1:
        some = ", ".join(run.id for run in living[:MOST_NAMED])
        raise RunNotFoundError(
            f"{len(living)} runs live ({some}{' …' if len(living) > MOST_NAMED else ''}). Say which."
        )
    return living[0] if living else None


def _unfinished(runs: list[RunDirectory]) -> RunDirectory | None:
    """The newest run that could go on; one that finished since is not passed over in silence."""
    finished: RunDirectory | None = None
    for run in runs:
        phase = _phase(run)
        if phase is Phase.FINISHED:
            finished = finished or run
        elif phase.is_over and newest(run) is not None:
            if finished is None:
                return run
            raise RunNotFoundError(
                f"{finished.id}, which is newer, has finished. To go on with the one before: ftui resume {run.id}"
            )
    return None


def _lives(run: RunDirectory) -> bool:
    """Of thousands most are over, which is quickly read."""
    written = summary.phase_of(read_json(run.state))
    return not written.is_over and written is not Phase.QUEUED and life.of_run(run).life is Life.ALIVE


def _waits(run: RunDirectory) -> bool:
    return _phase(run) is Phase.QUEUED


def _phase(run: RunDirectory) -> Phase:
    return summary.phase_of(summary.read_state(run))
