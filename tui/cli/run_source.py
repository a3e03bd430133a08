"""What a RUN or a path on the command line means: a run of ftui's, or the trace of one that was started elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path

from runner import places
from runner.store import meant
from runner.store.directory import RunDirectory, RunNotFoundError, ftui_home
from runner.store.meant import For
from tui.cli import out
from tui.models.run_view import since
from tui.services.run_reader import RunSource


def source_of(name: str, names: str = "", wanted: For = For.LOOKING) -> RunSource:
    """What a name or a path means, and `last` by what it is wanted for; `names` is what --map says. Raises
    RunNotFoundError, also for a path with nothing to read.
    """
    path = places.absolute(name)
    if (path / "events.jsonl").is_file():
        return RunSource(run=RunDirectory(path))
    if path.exists():
        return _elsewhere(path, names)
    try:
        return RunSource(run=meant.find(name, ftui_home(), wanted))
    except RunNotFoundError as error:
        raise RunNotFoundError(f"{error}\n{path} is no path either.") from None


def _elsewhere(path: Path, names: str) -> RunSource:
    from runner.foreign.names import said
    from runner.foreign.opening import open_trace
    from runner.foreign.trace import TraceError

    try:
        known = said(names)
        chosen = choose(path)
        # Opened once here, so that what is wrong with it is said before the screen opens.
        open_trace(chosen, names=known).close()
    except (TraceError, ValueError) as error:
        raise RunNotFoundError(str(error)) from None
    return RunSource(path=chosen, names=tuple(known.items()))


def choose(path: Path) -> Path:
    """The run at a path: of several the one that is asked for on a terminal, without one the path as it is."""
    from runner.foreign.opening import runs_in

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return path
    runs = runs_in(path)
    if len(runs) < 2:
        return path
    for number, run in enumerate(runs, 1):
        out.echo(f"{number:>3}  {shown(run, path)}  {since(_written(run))}".rstrip())
    return runs[out.ask_number("Which run", len(runs)) - 1]


def shown(run: Path | str, path: Path) -> str:
    """A run below a path, by the way to it."""
    try:
        return str(Path(run).relative_to(path))
    except ValueError:
        return str(run)


def _written(run: Path) -> float | None:
    try:
        return (
            max((entry.stat().st_mtime for entry in run.iterdir()), default=None)
            if run.is_dir()
            else run.stat().st_mtime
        )
    except OSError:
        return None
