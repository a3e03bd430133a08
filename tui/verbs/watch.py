"""`ftui watch`: a run of ftui's, or the trace of one that was started elsewhere."""

from __future__ import annotations

from pathlib import Path

from runner.run.adopt import adopt
from runner.run.directory import RunDirectory, RunNotFoundError, find_run, ftui_home
from tui.follower import Target


def resolve(name: str) -> Target:
    """What a name or a path means. Raises RunNotFoundError, also for a path with nothing to read."""
    path = Path(name).expanduser().absolute()
    if (path / "events.jsonl").is_file():
        return Target(run=RunDirectory(path))
    if path.exists():
        from runner.foreign.opening import open_trace
        from runner.foreign.trace import TraceError

        try:
            # Opened once here, so that what is wrong with it is said before the screen opens.
            open_trace(path).close()
        except TraceError as error:
            raise RunNotFoundError(str(error)) from None
        return Target(path=path)
    try:
        run = find_run(name, ftui_home())
        adopt(run)
        return Target(run=run)
    except RunNotFoundError as error:
        raise RunNotFoundError(f"{error}\n{path} is no path either.") from None


def follow_in_text(target: Target) -> int:
    """Print progress until the run ends; returns the exit code."""
    from tui.verbs.run import follow, follow_trace

    if target.run is not None:
        return follow(target.run)
    assert target.path is not None
    return follow_trace(target.path)
